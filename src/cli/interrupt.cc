#include "cli/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "cli/exit_code.h"
#include "common/check.h"

namespace freshet::cli {
namespace {

std::atomic<bool> asked_to_stop{false};
int wake_file = -1;

// Calls only what a signal handler may.
void on_signal(int) {
  if (asked_to_stop.exchange(true)) _exit(static_cast<int>(ExitCode::kInterrupted));
  int saved = errno;
  std::uint64_t one = 1;
  (void)!write(wake_file, &one, sizeof one);
  errno = saved;
}

}  // namespace

void handle_interrupts() {
  wake_file = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  FRESHET_CHECK(wake_file >= 0);
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool interrupted() {
  return asked_to_stop.load();
}

void wake_waiting() {
  std::uint64_t one = 1;
  (void)!write(wake_file, &one, sizeof one);
}

bool wait_for_interrupt_us(std::int64_t us) {
  pollfd waiting{wake_file, POLLIN, 0};
  timespec span{us / 1'000'000, us % 1'000'000 * 1000};
  while (!interrupted()) {
    int ready = ppoll(&waiting, 1, us < 0 ? nullptr : &span, nullptr);
    if (ready >= 0 || errno != EINTR) break;
  }
  std::uint64_t count = 0;
  (void)!read(wake_file, &count, sizeof count);
  return interrupted();
}

}  // namespace freshet::cli
