#include "cli/command.h"

int main(int argc, char** argv) {
  return freshet::cli::run(argc, argv);
}
