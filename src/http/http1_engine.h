// HTTP/1.1 on the server's side: requests in order, answers in the same order whatever the order in
// which they were made.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "http/chunked_decoder.h"
#include "http/engine.h"
#include "http/head_parser.h"

namespace freshet::http {

// Owned by ServerConnection; loop thread only.
class Http1Engine : public Engine {
 public:
  Http1Engine(EngineContext context, std::int64_t now_ns);

  void on_bytes(std::string_view bytes, std::int64_t now_ns) override;
  void on_end(std::int64_t now_ns) override;
  void on_deadline(std::int64_t now_ns) override;
  void stop(std::int64_t now_ns) override;
  void respond(std::uint64_t id, Response&& response, BudgetHold hold,
               std::int64_t now_ns) override;
  void take_output(std::vector<std::string>& to, std::size_t bytes_max) override;
  bool wants_bytes() const override;
  bool wants_close() const override;
  std::int64_t deadline_ns() const override;

 private:
  enum class Reading { kHead, kFixedBody, kChunkedBody, kNothing };

  // A request's place in the order of answers.
  struct Slot {
    bool is_head_method = false;
    bool close_after = false;
    bool sends_continue = false;  // "100 Continue" is still to be sent
    bool answered = false;
    Response response;
    BudgetHold hold;  // of the response's body
  };

  void consume(std::string_view& bytes);
  void read_head(std::string_view& bytes);
  void begin_request(std::string_view head);
  bool admit(ParsedHead& parsed);
  void read_fixed_body(std::string_view& bytes);
  void read_chunked_body(std::string_view& bytes);
  bool body_fits_budget();
  void finish_request();
  void refuse_body(int status, std::string_view reason, bool keep_reading);
  void end_with(int status, std::string_view reason);
  void append_answer(Slot& slot, std::vector<std::string>& to);
  bool mid_request() const;
  bool is_full() const { return slots_.size() >= context_.options->limits.pipelined_max; }

  EngineContext context_;
  const ServerLimits& limits_;
  Reading reading_ = Reading::kHead;
  std::string partial_head_;
  std::string waiting_input_;  // came while the pipeline was full
  BudgetHold input_hold_;      // of the two above
  Request request_;            // being read
  BudgetHold request_hold_;
  bool discarding_ = false;  // its answer is given already; the body is read and forgotten
  std::uint64_t body_left_ = 0;
  std::uint64_t body_received_ = 0;
  std::uint64_t body_limit_ = 0;
  bool keep_alive_ = true;
  ChunkedDecoder chunks_;
  std::deque<Slot> slots_;
  // Of what the last take_output() gave: the next call means that it is sent.
  std::vector<BudgetHold> sending_;
  std::uint64_t front_id_ = 0;  // of slots_.front()
  bool ended_ = false;          // the peer sends no more, or we read no more
  bool stopping_ = false;
  bool closing_ = false;
  std::int64_t now_ns_;
  std::int64_t started_ns_;  // of the head or the body being read
};

}  // namespace freshet::http
