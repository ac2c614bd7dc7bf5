// Errors in the words of Iceberg's REST catalog: {"error":{"message","type","code"}}. Clients
// choose their exception by status and type.
#pragma once

#include <string_view>

#include "common/result.h"
#include "http/message.h"

namespace freshet::console {

bool is_iceberg_path(std::string_view path);
// `status` is what the rest of the API would answer.
http::Response iceberg_error_response(const Error& error, int status);
// For a method and path below /iceberg that no route takes. kUnsupported FRS-5115: it would write;
// kNotFound FRS-5101.
Error iceberg_has_no(std::string_view method, std::string_view path);

}  // namespace freshet::console
