#pragma once

#include <cstdio>
#include <span>
#include <string>

// What a hostile guest tries. Runs in a sandbox, and outside of it to show that the attack is one.
namespace ak::hostile {

enum class Verdict { Blocked, Worked };

// Says on one line what happened and hands the verdict on.
inline Verdict tell(const std::string& what, bool worked, const std::string& detail = {}) {
  std::printf("%s %s %s\n", worked ? "WORKED" : "blocked", what.c_str(), detail.c_str());
  return worked ? Verdict::Worked : Verdict::Blocked;
}

inline Verdict either(Verdict a, Verdict b) {
  return a == Verdict::Worked || b == Verdict::Worked ? Verdict::Worked : Verdict::Blocked;
}

struct Attack {
  const char* name;
  Verdict (*run)(std::span<char*> arguments);
};

std::span<const Attack> kernelAttacks();    // attack_kernel.cc
std::span<const Attack> processAttacks();   // attack_process.cc
std::span<const Attack> raceAttacks();      // attack_race.cc
std::span<const Attack> resourceAttacks();  // attack_resource.cc
std::span<const Attack> surroundAttacks();  // attack_surroundings.cc

}  // namespace ak::hostile
