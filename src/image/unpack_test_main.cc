// The unpack helper by itself, for tests; in the product agentkerneld is it.
#include "image/unpack.h"

int main(int argc, char** argv) {
  return ak::image::unpackMain(argc, argv);
}
