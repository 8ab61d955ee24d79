#include "config/sections/pool.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"size", "whole number 0..256", "2", Where::UserOnly,
     "Boxes kept ready for the most used kind of run; 0 turns the pool off."},
    {"max", "whole number 0..1024", "8, or `size` if that is more", Where::UserOnly,
     "Boxes kept ready in all."},
};

}  // namespace

const SectionSpec kPoolSpec = {"pool", SectionSpec::Shape::Table, kKeys};

Status readPool(const SectionReader& reader, PoolSection& out) {
  out.size = AK_TRY(reader.number32("size", {0, 256}));
  out.max = AK_TRY(reader.number32("max", {0, 1024}));
  if (out.max && poolSize(out) > poolMax(out)) {
    return reader.context().invalid(reader.find("max")->at, "pool.max is less than pool.size",
                                    "Raise max or lower size.");
  }
  return {};
}

}  // namespace ak::config
