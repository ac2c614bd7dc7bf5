#include "http/http1_engine.h"

#include <algorithm>

#include "common/check.h"
#include "http/response_writer.h"
#include "http/syntax.h"

namespace freshet::http {

Http1Engine::Http1Engine(EngineContext context, std::int64_t now_ns)
    : context_(std::move(context)),
      limits_(context_.options->limits),
      input_hold_(context_.options->budget),
      now_ns_(now_ns),
      started_ns_(now_ns) {}

void Http1Engine::on_bytes(std::string_view bytes, std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (!waiting_input_.empty()) {
    // Bytes that were on their way when reading was paused keep their place behind the rest.
    waiting_input_.append(bytes);
    if (!input_hold_.grow_to(waiting_input_.size())) closing_ = true;
    return;
  }
  consume(bytes);
  if (bytes.empty() || ended_ || closing_) return;
  waiting_input_ = bytes;
  if (!input_hold_.grow_to(waiting_input_.size())) closing_ = true;
}

// Reads requests until the input or the pipeline is used up.
void Http1Engine::consume(std::string_view& bytes) {
  while (!bytes.empty() && !ended_ && !closing_) {
    switch (reading_) {
      case Reading::kHead:
        if (is_full()) return;
        read_head(bytes);
        break;
      case Reading::kFixedBody:
        read_fixed_body(bytes);
        break;
      case Reading::kChunkedBody:
        read_chunked_body(bytes);
        break;
      case Reading::kNothing:
        return;
    }
  }
}

void Http1Engine::read_head(std::string_view& bytes) {
  if (partial_head_.empty()) started_ns_ = now_ns_;
  std::size_t before = partial_head_.size();
  bool joined = before != 0;
  if (joined) {
    // A head that came in pieces is rare and small: join it with what may still belong to it.
    partial_head_.append(bytes.substr(0, limits_.head_bytes_max));
  }
  std::string_view seen = joined ? std::string_view(partial_head_) : bytes;
  HeadScan scan = scan_head(seen, before);
  if (scan.state == HeadScan::State::kBareLineFeed) {
    return end_with(400, "a line feed without a carriage return");
  }
  bool found = scan.state == HeadScan::State::kFound;
  std::size_t head_bytes = found ? scan.end : seen.size();
  if (head_bytes > limits_.head_bytes_max) return end_with(431, "the head is too long");
  if (!found) {
    if (!joined) partial_head_ = bytes;
    if (!input_hold_.grow_to(partial_head_.size())) closing_ = true;
    bytes = {};
    return;
  }
  bytes.remove_prefix(scan.end - before);
  std::string head = std::move(partial_head_);
  partial_head_.clear();
  begin_request(joined ? std::string_view(head).substr(0, scan.end) : seen.substr(0, scan.end));
  input_hold_.release();
}

void Http1Engine::begin_request(std::string_view head) {
  auto result = parse_head(head, limits_);
  if (const HeadRefusal* refused = std::get_if<HeadRefusal>(&result)) {
    return end_with(refused->status, refused->reason);
  }
  ParsedHead& parsed = std::get<ParsedHead>(result);
  request_ = std::move(parsed.request);
  request_.peer = context_.peer;
  request_.peer_is_loopback = context_.peer_is_loopback;
  request_hold_ = BudgetHold(context_.options->budget);
  keep_alive_ = parsed.keep_alive;
  discarding_ = false;
  body_received_ = 0;
  body_left_ = parsed.content_length;
  chunks_ = ChunkedDecoder();
  started_ns_ = now_ns_;
  Slot& slot = slots_.emplace_back();
  slot.is_head_method = request_.method == "HEAD";
  slot.close_after = !keep_alive_;
  reading_ = parsed.body == ParsedHead::Body::kFixed     ? Reading::kFixedBody
             : parsed.body == ParsedHead::Body::kChunked ? Reading::kChunkedBody
                                                         : Reading::kHead;
  if (!admit(parsed)) return;
  if (parsed.body == ParsedHead::Body::kNone) return finish_request();
  slot.sends_continue = parsed.expects_continue;
  if (parsed.body == ParsedHead::Body::kFixed) {
    request_.body.reserve(parsed.content_length + kBodySpareBytes);
  }
}

// Refuses a request by its head, before its body is read.
bool Http1Engine::admit(ParsedHead& parsed) {
  const ServerOptions& options = *context_.options;
  body_limit_ = options.body_limit ? options.body_limit(request_) : 1 << 20;
  if (parsed.content_length > body_limit_) {
    refuse_body(413, "the body is longer than this request may have", false);
    return false;
  }
  if (!request_hold_.would_fit(parsed.content_length) || !request_hold_.grow_to(1)) {
    // A client that waits for "100 Continue" may or may not send the body now: unknown framing.
    refuse_body(503, "the memory for requests is full; come again", !parsed.expects_continue);
    return false;
  }
  return true;
}

void Http1Engine::read_fixed_body(std::string_view& bytes) {
  std::size_t taken = std::min<std::uint64_t>(body_left_, bytes.size());
  if (!discarding_) {
    request_.body.append(bytes.substr(0, taken));
    if (!body_fits_budget()) refuse_body(503, "the memory for requests is full; come again", true);
  }
  bytes.remove_prefix(taken);
  body_left_ -= taken;
  body_received_ += taken;
  if (body_left_ == 0) finish_request();
}

void Http1Engine::read_chunked_body(std::string_view& bytes) {
  std::size_t before = bytes.size();
  ChunkedDecoder::State state = chunks_.feed(bytes, discarding_ ? nullptr : &request_.body);
  body_received_ += before - bytes.size();
  if (state == ChunkedDecoder::State::kMalformed) {
    if (discarding_) {
      ended_ = true;  // answered already
      return;
    }
    slots_.pop_back();
    return end_with(400, "the chunked body is malformed");
  }
  if (!discarding_ && chunks_.announced_bytes() > body_limit_) {
    return refuse_body(413, "the body is longer than this request may have", false);
  }
  if (!discarding_ && !body_fits_budget()) {
    refuse_body(503, "the memory for requests is full; come again", true);
  }
  if (state == ChunkedDecoder::State::kDone) finish_request();
}

bool Http1Engine::body_fits_budget() {
  return request_hold_.grow_to(request_.body.size());
}

void Http1Engine::finish_request() {
  reading_ = keep_alive_ ? Reading::kHead : Reading::kNothing;
  if (!keep_alive_ || stopping_) ended_ = true;
  if (discarding_) return;
  slots_.back().sends_continue = false;
  if (request_.body.capacity() < request_.body.size() + kBodySpareBytes) {
    request_.body.reserve(request_.body.size() + kBodySpareBytes);
  }
  std::uint64_t id = front_id_ + slots_.size() - 1;
  context_.dispatch(id, std::move(request_), std::move(request_hold_));
  request_ = Request();
}

// Answers the request being read. `keep_reading`: forget its body as it comes and keep the
// connection; else close it.
void Http1Engine::refuse_body(int status, std::string_view reason, bool keep_reading) {
  Slot& slot = slots_.back();
  slot.response = refusal(*context_.options, status, reason, request_);
  slot.answered = true;
  slot.sends_continue = false;
  request_ = Request();
  request_hold_.release();
  discarding_ = true;
  if (keep_reading) return;
  slot.close_after = true;
  ended_ = true;
}

// After an error in the framing nobody knows where the next request starts, so the connection ends.
void Http1Engine::end_with(int status, std::string_view reason) {
  Slot& slot = slots_.emplace_back();
  slot.response.status = status;
  slot.response.headers.push_back({"content-type", "text/plain"});
  slot.response.body.append(reason).append("\n");
  slot.answered = true;
  slot.close_after = true;
  ended_ = true;
  partial_head_.clear();
  input_hold_.release();
}

void Http1Engine::respond(std::uint64_t id, Response&& response, BudgetHold hold,
                          std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (id < front_id_ || id - front_id_ >= slots_.size()) return;  // closed in between
  Slot& slot = slots_[id - front_id_];
  FRESHET_CHECK(!slot.answered);
  slot.response = std::move(response);
  slot.hold = std::move(hold);
  slot.answered = true;
  slot.sends_continue = false;
  if (!mid_request()) started_ns_ = now_ns;  // the idle time starts anew
}

void Http1Engine::take_output(std::vector<std::string>& to, std::size_t bytes_max) {
  std::size_t bytes = 0;
  sending_.clear();
  while (!slots_.empty() && !closing_ && bytes < bytes_max) {
    Slot& slot = slots_.front();
    if (slot.sends_continue) {
      to.emplace_back("HTTP/1.1 100 Continue\r\n\r\n");
      slot.sends_continue = false;
    }
    if (!slot.answered) break;
    std::size_t first = to.size();
    append_answer(slot, to);
    for (std::size_t i = first; i < to.size(); ++i) bytes += to[i].size();
    closing_ = slot.close_after;
    if (slot.hold.bytes() > 0) sending_.push_back(std::move(slot.hold));
    slots_.pop_front();
    ++front_id_;
  }
  if (!waiting_input_.empty() && !is_full() && !closing_) {
    std::string input = std::move(waiting_input_);
    waiting_input_.clear();
    input_hold_.release();
    on_bytes(input, now_ns_);
  }
}

void Http1Engine::append_answer(Slot& slot, std::vector<std::string>& to) {
  bool last = slots_.size() == 1 && !mid_request() && waiting_input_.empty();
  if (last && (stopping_ || ended_)) slot.close_after = true;
  append_http1_response(std::move(slot.response), slot.is_head_method, slot.close_after,
                        context_.options->clock->wall_us(), to);
}

// A request has begun to come and is not complete.
bool Http1Engine::mid_request() const {
  return !ended_ && (!partial_head_.empty() || reading_ == Reading::kFixedBody ||
                     reading_ == Reading::kChunkedBody);
}

void Http1Engine::on_end(std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (reading_ == Reading::kFixedBody || reading_ == Reading::kChunkedBody) {
    // Its body was cut: there is nobody to answer, and nothing of it may take effect.
    if (!ended_ && !discarding_) slots_.pop_back();
  }
  request_ = Request();
  request_hold_.release();
  partial_head_.clear();
  ended_ = true;
}

void Http1Engine::stop(std::int64_t now_ns) {
  now_ns_ = now_ns;
  stopping_ = true;
  // A head that has not come whole was not accepted by us; nothing of it has happened.
  if (reading_ == Reading::kHead) {
    partial_head_.clear();
    ended_ = waiting_input_.empty();
  }
}

bool Http1Engine::wants_bytes() const {
  return !ended_ && !closing_ && waiting_input_.empty() &&
         (reading_ != Reading::kHead || !is_full());
}

bool Http1Engine::wants_close() const {
  bool nothing_left = slots_.empty() && waiting_input_.empty();
  return closing_ || (nothing_left && (ended_ || (stopping_ && !mid_request())));
}

std::int64_t Http1Engine::deadline_ns() const {
  if (ended_ || closing_ || !wants_bytes()) return net::kNoDeadline;
  if (reading_ != Reading::kHead) {
    return body_deadline_ns(limits_, started_ns_, body_received_);
  }
  if (!partial_head_.empty()) return started_ns_ + limits_.head_deadline_us * 1'000;
  if (!slots_.empty()) return net::kNoDeadline;  // the handler has its own limits
  return started_ns_ + limits_.idle_us * 1'000;
}

void Http1Engine::on_deadline(std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (now_ns < deadline_ns()) return;
  if (reading_ == Reading::kHead && partial_head_.empty()) {
    closing_ = true;  // idle
    return;
  }
  if (reading_ == Reading::kHead) return end_with(408, "the head took too long");
  if (discarding_) {
    ended_ = true;  // answered already
    return;
  }
  refuse_body(408, "the body came too slowly", false);
}

std::unique_ptr<Engine> make_http1_engine(EngineContext context, std::int64_t now_ns) {
  return std::make_unique<Http1Engine>(std::move(context), now_ns);
}

}  // namespace freshet::http
