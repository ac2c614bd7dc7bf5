// The JSON of PutRecord and PutRecords, read with simdjson's on-demand parser: one pass, no tree,
// data decoded where it stands. Members may come in any order, with escapes, with unknown members
// between them.
#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>

#include "server/kinesis/put_request.h"

namespace freshet::kinesis {
namespace {

namespace ondemand = simdjson::ondemand;
using Kind = PutBatchBuilder::Kind;

// A parser keeps four bytes and more for each byte of its largest text. Few requests are larger
// than this; they pay for a parser of their own, and no thread keeps tens of MiB for them.
constexpr std::size_t kKeptParserBytesMax = 1u << 20;

// Its functions give false once something is wrong, with the reason in failure_: a Result for each
// member would cost more than reading it.
class JsonPutReader {
 public:
  JsonPutReader(Kind kind, std::string body) : kind_(kind), builder_(kind, std::move(body)) {}

  std::size_t body_bytes() { return builder_.body().size(); }

  Result<PutRequest> read(ondemand::parser& parser) {
    if (!read_body(parser)) return *std::move(failure_);
    std::optional<std::size_t> count;
    if (records_given_ || kind_ == Kind::kOne) count = builder_.record_count();
    FRESHET_TRY_STATUS(check_members(reference_, count));
    if (order_number_) FRESHET_TRY_STATUS(check_order_number(*order_number_));
    return PutRequest{std::move(reference_), std::move(builder_).finish()};
  }

 private:
  bool fail(Error error) {
    failure_ = std::move(error);
    return false;
  }
  bool fail(simdjson::error_code error) {
    return fail(unreadable_body(
        fmt::format("the body is not valid JSON: {}", simdjson::error_message(error))));
  }
  bool check(Status status) { return status.has_value() || fail(std::move(status).error()); }
  bool not_a_string(std::string_view path) {
    return fail(unreadable_body(fmt::format("{} must be a string", path)));
  }
  bool given_twice(std::string_view path) {
    return fail(unreadable_body(fmt::format("{} is given twice", path)));
  }

  bool read_body(ondemand::parser& parser) {
    std::string& body = builder_.body();
    ondemand::document document;
    ondemand::object object;
    if (auto error = parser.iterate(body.data(), body.size(), body.capacity()).get(document)) {
      return fail(error);
    }
    if (auto error = document.get_object().get(object)) return fail(error);
    if (kind_ == Kind::kOne ? !read_one(object) : !read_list(object)) return false;
    // Behind the last token there is no location left.
    if (document.current_location().error() == simdjson::OUT_OF_BOUNDS) return true;
    return fail(unreadable_body("more text stands behind the body's object"));
  }

  // Calls read(name, value) with each member of `object`.
  template <typename Read>
  bool each_member(ondemand::object& object, Read read) {
    for (auto field : object) {
      std::string_view name;
      ondemand::value value;
      if (!read_name(field, name)) return false;
      if (auto error = field.value().get(value)) return fail(error);
      if (!read(name, value)) return false;
    }
    return true;
  }

  // Nearly every name stands in the body as it is; unescaping each would cost 10 ns a member.
  bool read_name(simdjson::simdjson_result<ondemand::field>& field, std::string_view& name) {
    ondemand::raw_json_string raw;
    if (auto error = field.key().get(raw)) return fail(error);
    const char* end = raw.raw();
    while (*end != '"' && *end != '\\') ++end;  // the parser has found the closing quote before
    if (*end == '"') {
      name = std::string_view(raw.raw(), static_cast<std::size_t>(end - raw.raw()));
      return true;
    }
    if (auto error = field.unescaped_key().get(name)) return fail(error);
    return true;
  }

  bool read_list(ondemand::object& object) {
    return each_member(object, [&](std::string_view name, ondemand::value& value) {
      if (name == "Records") return read_records(value);
      return read_reference(name, value);
    });
  }

  bool read_one(ondemand::object& object) {
    PutFields fields;
    bool whole = each_member(object, [&](std::string_view name, ondemand::value& value) {
      if (name == "SequenceNumberForOrdering") {
        return read_text(value, "sequenceNumberForOrdering", order_number_);
      }
      return read_reference(name, value) && read_record_member(name, value, fields);
    });
    return whole && check(check_members(reference_, 1)) && check(builder_.add(fields));
  }

  bool read_reference(std::string_view name, ondemand::value& value) {
    if (name == "StreamName") return read_text(value, "streamName", reference_.name);
    if (name == "StreamARN") return read_text(value, "streamARN", reference_.arn);
    return true;
  }

  bool read_records(ondemand::value& value) {
    if (records_given_) return given_twice("records");
    ondemand::array records;
    if (is_null(value)) return true;
    if (value.get_array().get(records)) return fail(unreadable_body("records must be a list"));
    records_given_ = true;
    for (auto item : records) {
      ondemand::object record;
      if (auto error = item.get_object().get(record)) {
        if (error != simdjson::INCORRECT_TYPE) return fail(error);
        return fail(unreadable_body(
            fmt::format("records.{} must be an object", builder_.record_count() + 1)));
      }
      if (builder_.record_count() == kPutRecordsMax) return fail(too_many_records());
      PutFields fields;
      bool whole = each_member(record, [&](std::string_view name, ondemand::value& member) {
        return read_record_member(name, member, fields);
      });
      if (!whole || !check(builder_.add(fields))) return false;
    }
    return true;
  }

  bool read_record_member(std::string_view name, ondemand::value& value, PutFields& fields) {
    if (name == "Data") return read_data(value, fields.data);
    if (name == "PartitionKey") return read_view(value, "partitionKey", fields.partition_key);
    if (name == "ExplicitHashKey") {
      return read_view(value, "explicitHashKey", fields.explicit_hash_key);
    }
    return true;
  }

  // Null counts as missing, as AWS's own services take it. Does not move the value on.
  static bool is_null(ondemand::value& value) {
    std::string_view token = value.raw_json_token();
    return token.starts_with("null") && trimmed(token).size() == 4;
  }
  static std::string_view trimmed(std::string_view token) {
    auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!token.empty() && is_blank(token.back())) token.remove_suffix(1);
    return token;
  }
  static bool has_escapes(std::string_view text) {
    return std::memchr(text.data(), '\\', text.size()) != nullptr;
  }

  bool read_data(ondemand::value& value, std::optional<std::string_view>& data) {
    std::optional<std::string_view> text = data;
    if (!read_view(value, "data", text)) return false;  // some clients write '/' as "\/"
    if (!text) return true;
    data = PutBatchBuilder::decode_in_place(*text);
    if (data) return true;
    return fail(unreadable_body(fmt::format("{} is not base64", builder_.path_of_next("data"))));
  }

  // The text between the quotes where it stands in the body, or kept unescaped beside it.
  bool read_view(ondemand::value& value, std::string_view member,
                 std::optional<std::string_view>& view) {
    if (view) return given_twice(builder_.path_of_next(member));
    std::string_view token = trimmed(value.raw_json_token());
    if (token.size() < 2 || token.front() != '"' || token.back() != '"') {
      return token == "null" || not_a_string(builder_.path_of_next(member));
    }
    view = token.substr(1, token.size() - 2);
    if (!has_escapes(*view)) return true;
    std::string_view unescaped;
    if (auto error = value.get_string().get(unescaped)) return fail(error);
    view = builder_.keep(unescaped);
    return true;
  }

  bool read_text(ondemand::value& value, std::string_view path, std::optional<std::string>& text) {
    if (text) return given_twice(path);
    if (is_null(value)) return true;
    std::string_view view;
    if (auto error = value.get_string().get(view)) {
      return error == simdjson::INCORRECT_TYPE ? not_a_string(path) : fail(error);
    }
    text = std::string(view);
    return true;
  }

  Kind kind_;
  PutBatchBuilder builder_;
  StreamReference reference_;
  std::optional<std::string> order_number_;
  bool records_given_ = false;
  std::optional<Error> failure_;
};

}  // namespace

Result<PutRequest> decode_put_json(Kind kind, std::string body) {
  JsonPutReader reader(kind, std::move(body));
  if (reader.body_bytes() > kKeptParserBytesMax) {
    ondemand::parser parser;
    return reader.read(parser);
  }
  thread_local ondemand::parser parser;
  return reader.read(parser);
}

}  // namespace freshet::kinesis
