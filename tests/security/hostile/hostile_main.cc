// hostile NAME [ARGUMENT...]: tries one attack. Exit 0: nothing worked. 3: something did.
#include <cstring>

#include "hostile/attack.h"

int main(int argc, char** argv) {
  using namespace ak::hostile;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  for (const auto& list :
       {kernelAttacks(), processAttacks(), raceAttacks(), resourceAttacks(), surroundAttacks()}) {
    for (const Attack& attack : list) {
      if (argc > 1 && std::strcmp(argv[1], attack.name) == 0) {
        const auto count = static_cast<std::size_t>(argc);
        return attack.run(std::span(argv, count).subspan(2)) == Verdict::Worked ? 3 : 0;
      }
    }
  }
  std::puts("no such attack");
  return 2;
}
