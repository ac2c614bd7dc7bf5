#include "aws/sigv4_canonical.h"

#include <algorithm>
#include <utility>

#include "common/bytes.h"

namespace freshet::aws {

namespace {

bool is_unreserved(unsigned char symbol) {
  return (symbol >= 'A' && symbol <= 'Z') || (symbol >= 'a' && symbol <= 'z') ||
         (symbol >= '0' && symbol <= '9') || symbol == '-' || symbol == '_' || symbol == '.' ||
         symbol == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    int high = hex_value(text[i + 1]);
    int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

// Calls `use` with each part of `text` between `separator`s.
template <typename Use>
void split(std::string_view text, char separator, Use use) {
  while (true) {
    std::size_t end = text.find(separator);
    use(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

void append_header_line(std::string& to, const RequestView& request, std::string_view name) {
  to += name;
  to += ':';
  bool first = true;
  for (const HeaderView& header : request.headers) {
    if (header.name != name) continue;
    if (!first) to += ',';
    first = false;
    append_canonical_value(to, header.value);
  }
  to += '\n';
}

}  // namespace

void append_percent_encoded(std::string& to, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (char c : bytes) {
    auto symbol = static_cast<unsigned char>(c);
    if (is_unreserved(symbol)) {
      to += c;
    } else {
      to += '%';
      to += kHex[symbol >> 4];
      to += kHex[symbol & 15];
    }
  }
}

std::string canonical_path(std::string_view path) {
  if (path.empty() || path == "/") return "/";
  std::vector<std::string_view> kept;
  std::string_view last;
  split(path, '/', [&](std::string_view segment) {
    last = segment;
    if (segment.empty() || segment == ".") return;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  });
  std::string canonical;
  for (std::string_view segment : kept) {
    canonical += '/';
    append_percent_encoded(canonical, segment);
  }
  bool ends_with_slash = last.empty() || last == "." || last == "..";
  if (canonical.empty() || ends_with_slash) canonical += '/';
  return canonical;
}

std::optional<std::string> canonical_query(std::string_view query) {
  if (query.empty()) return std::string();
  std::vector<std::pair<std::string, std::string>> parameters;
  bool malformed = false;
  split(query, '&', [&](std::string_view parameter) {
    if (parameter.empty()) return;
    std::size_t equals = parameter.find('=');
    std::string_view value =
        equals == std::string_view::npos ? std::string_view() : parameter.substr(equals + 1);
    auto name_bytes = percent_decoded(parameter.substr(0, equals));
    auto value_bytes = percent_decoded(value);
    if (!name_bytes || !value_bytes) {
      malformed = true;
      return;
    }
    auto& [encoded_name, encoded_value] = parameters.emplace_back();
    append_percent_encoded(encoded_name, *name_bytes);
    append_percent_encoded(encoded_value, *value_bytes);
  });
  if (malformed) return std::nullopt;
  std::sort(parameters.begin(), parameters.end());
  std::string canonical;
  for (const auto& [name, value] : parameters) {
    if (!canonical.empty()) canonical += '&';
    canonical.append(name).append("=").append(value);
  }
  return canonical;
}

void append_canonical_value(std::string& to, std::string_view value) {
  bool pending_space = false;
  bool any = false;
  for (char c : value) {
    if (c == ' ' || c == '\t') {
      pending_space = any;
      continue;
    }
    if (pending_space) to += ' ';
    pending_space = false;
    any = true;
    to += c;
  }
}

std::string canonical_request(const RequestView& request, std::string_view path,
                              std::string_view query,
                              const std::vector<std::string_view>& signed_names,
                              std::string_view payload_hash) {
  std::string text;
  text.reserve(512);
  text.append(request.method).append("\n").append(path).append("\n").append(query).append("\n");
  for (std::string_view name : signed_names) append_header_line(text, request, name);
  text += '\n';
  for (std::size_t i = 0; i < signed_names.size(); ++i) {
    if (i != 0) text += ';';
    text += signed_names[i];
  }
  text.append("\n").append(payload_hash);
  return text;
}

std::string scope_text(const Scope& scope) {
  std::string text;
  text.append(scope.date).append("/").append(scope.region).append("/");
  return text.append(scope.service).append("/").append(kTerminator);
}

std::string string_to_sign(std::string_view amz_date, const Scope& scope,
                           std::string_view canonical_request) {
  std::string text(kAlgorithm);
  text.append("\n").append(amz_date).append("\n").append(scope_text(scope)).append("\n");
  return text.append(sha256_hex(canonical_request));
}

Sha256 derive_signing_key(std::string_view secret, const Scope& scope) {
  Sha256 key = hmac_sha256("AWS4" + std::string(secret), scope.date);
  key = hmac_sha256(as_string_view(key), scope.region);
  key = hmac_sha256(as_string_view(key), scope.service);
  return hmac_sha256(as_string_view(key), kTerminator);
}

}  // namespace freshet::aws
