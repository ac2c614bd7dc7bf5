#include "http/outbox.h"

#include "common/check.h"
#include "common/logging.h"
#include "http/engine.h"

namespace freshet::http {

void Outbox::deliver(Answer&& answer) {
  bool inline_answer = loop_->on_loop_thread() && busy_;
  {
    MutexLock lock(mutex_);
    answers_.push_back(std::move(answer));
    if (inline_answer || posted_) return;
    posted_ = true;
  }
  loop_->post([self = shared_from_this()] {
    if (self->collect_) self->collect_();
  });
}

std::vector<Outbox::Answer> Outbox::take() {
  std::vector<Answer> taken;
  MutexLock lock(mutex_);
  posted_ = false;
  taken.swap(answers_);
  return taken;
}

namespace {

// Answers up to this size are not counted: they are short-lived and many.
constexpr std::size_t kUncountedBodyBytesMax = 16 * 1024;

// One request's answer, owed.
class Owed {
 public:
  Owed(std::shared_ptr<Outbox> outbox, std::shared_ptr<const ServerOptions> options,
       std::uint64_t id, BudgetHold hold)
      : outbox_(std::move(outbox)), options_(std::move(options)), id_(id), hold_(std::move(hold)) {}
  Owed(const Owed&) = delete;
  Owed& operator=(const Owed&) = delete;
  ~Owed() {
    if (answered_.load(std::memory_order_relaxed) || !outbox_->is_open()) return;
    log_error("FRS-9201 a request was dropped without an answer; it was answered with 500");
    Response response;
    response.status = 500;
    outbox_->deliver({id_, std::move(response), BudgetHold()});
  }
  void answer(Response&& response) {
    FRESHET_CHECK(!answered_.exchange(true, std::memory_order_relaxed));
    hold_.release();
    BudgetHold of_body(options_->budget);
    std::size_t bytes = response.body.size();
    if (bytes > kUncountedBodyBytesMax && !of_body.grow_to(bytes)) {
      response = refusal(*options_, 503, "the memory for answers is full; come again", Request());
    }
    outbox_->deliver({id_, std::move(response), std::move(of_body)});
  }

 private:
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<const ServerOptions> options_;
  std::uint64_t id_;
  BudgetHold hold_;
  std::atomic<bool> answered_{false};
};

}  // namespace

Respond make_respond(std::shared_ptr<Outbox> outbox, std::shared_ptr<const ServerOptions> options,
                     std::uint64_t id, BudgetHold hold) {
  // Shared, because std::function must be copyable.
  auto owed = std::make_shared<Owed>(std::move(outbox), std::move(options), id, std::move(hold));
  return [owed](Response response) { owed->answer(std::move(response)); };
}

}  // namespace freshet::http
