#include "cli/put_records_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/json.h"
#include "common/base64.h"
#include "common/check.h"

namespace freshet::cli {
namespace {

constexpr std::string_view kIdStart = "{\"id\":\"";
constexpr std::string_view kTimeStart = "\"ts\":";
constexpr std::size_t kTimeDigits = 16;
// Nine of the last twelve digits of the UUID: random in it, and whole groups of base64.
constexpr std::size_t kNumberAt = 33;
constexpr std::size_t kNumberDigits = 9;
static_assert(kNumberAt % 3 == 0 && kNumberDigits % 3 == 0);
static_assert(kNumberAt >= kIdStart.size() + 24 &&
              kNumberAt + kNumberDigits <= kIdStart.size() + 36);

void write_hex(char* to, std::uint64_t number, std::size_t digits) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = digits; i-- > 0; number >>= 4) to[i] = kDigits[number & 15];
}

void write_decimal(char* to, std::uint64_t number, std::size_t digits) {
  for (std::size_t i = digits; i-- > 0; number /= 10) to[i] = static_cast<char>('0' + number % 10);
}

}  // namespace

PutRecordsBody::PutRecordsBody(std::string_view stream, const std::vector<GeneratedEvent>& events)
    : tail_("]}") {
  text_ = fmt::format("{{\"StreamName\":{},\"Records\":[", json_string(stream));
  for (const GeneratedEvent& event : events) {
    if (!records_.empty()) text_ += ',';
    Record record;
    record.event = event.data;
    FRESHET_CHECK(record.event.starts_with(kIdStart));
    std::size_t time = record.event.find(kTimeStart);
    FRESHET_CHECK(time != std::string::npos);
    record.time = time + kTimeStart.size();
    record.begin = text_.size();
    text_ += fmt::format("{{\"PartitionKey\":{},\"Data\":\"", json_string(event.camera_id));
    record.data = text_.size();
    base64_append(text_, record.event);
    text_ += "\"}";
    record.end = text_.size();
    records_.push_back(std::move(record));
  }
  text_ += tail_;
}

// Encodes the groups of three bytes that hold [first, last) of the event again.
void PutRecordsBody::encode(const Record& record, std::size_t first, std::size_t last) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string& event = record.event;
  for (std::size_t at = first / 3 * 3; at < last; at += 3) {
    char* to = text_.data() + record.data + at / 3 * 4;
    if (at + 3 > event.size()) {  // the padded end
      std::string end = base64_encode(std::string_view(event).substr(at));
      std::copy(end.begin(), end.end(), to);
      return;
    }
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(event[at + i]); };
    unsigned group =
        static_cast<unsigned>(byte(0)) << 16 | static_cast<unsigned>(byte(1)) << 8 | byte(2);
    to[0] = kAlphabet[group >> 18];
    to[1] = kAlphabet[group >> 12 & 63];
    to[2] = kAlphabet[group >> 6 & 63];
    to[3] = kAlphabet[group & 63];
  }
}

void PutRecordsBody::renew(std::uint64_t number, std::int64_t now_us) {
  char hex[kNumberDigits], digits[kTimeDigits];
  write_hex(hex, number, kNumberDigits);
  write_decimal(digits, static_cast<std::uint64_t>(now_us), kTimeDigits);
  for (Record& record : records_) {
    std::copy(hex, hex + kNumberDigits, record.event.data() + kNumberAt);
    std::copy(digits, digits + kTimeDigits, record.event.data() + record.time);
    encode(record, kNumberAt, kNumberAt + kNumberDigits);
    encode(record, record.time, record.time + kTimeDigits);
  }
}

std::string PutRecordsBody::only(const std::vector<std::size_t>& records) const {
  std::string body = text_.substr(0, records_.front().begin);
  for (std::size_t record : records) {
    if (record != records.front()) body += ',';
    const Record& from = records_.at(record);
    body.append(text_, from.begin, from.end - from.begin);
  }
  return body + tail_;
}

std::string PutRecordsBody::id(std::size_t record, std::uint64_t number) const {
  std::string id = records_.at(record).event.substr(kIdStart.size(), 36);
  write_hex(id.data() + (kNumberAt - kIdStart.size()), number, kNumberDigits);
  return id;
}

}  // namespace freshet::cli
