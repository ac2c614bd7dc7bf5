// Against DNS rebinding: while no key is configured, a web page that the user visits must not reach
// the server under a name of its own.
#pragma once

#include <string_view>

#include "http/message.h"

namespace freshet::gate {

// True where every Host (or :authority) names localhost, 127.0.0.1 or [::1], with any port, and
// Origin is absent or one of these too. For every door, not only AWS's.
bool is_local_request(const http::Request& request);

}  // namespace freshet::gate
