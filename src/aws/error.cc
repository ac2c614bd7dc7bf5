#include "aws/error.h"

namespace freshet::aws {

std::string error_body(const ServiceError& error, Encoding encoding, std::string_view type_prefix) {
  Document body = Document::map();
  body.set("__type", std::string(type_prefix) + error.name);
  body.set("message", error.message);
  if (const Document::Map* more = error.more.members()) {
    for (const Document::Member& member : *more) body.set(member.name, member.value);
  }
  return write(body, encoding);
}

}  // namespace freshet::aws
