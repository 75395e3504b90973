// Does on purpose what the sanitizers must report. A detector that stays silent here is asleep.
#include <climits>
#include <cstring>

int main(int count, char** arguments) {
  const char* what = count > 1 ? arguments[1] : "";
  if (std::strcmp(what, "leak") == 0) {
    volatile char* bytes = new char[4242];
    bytes[0] = 1;
    return 0;
  }
  if (std::strcmp(what, "use-after-free") == 0) {
    volatile char* bytes = new char[16];
    delete[] bytes;
    return bytes[3];
  }
  if (std::strcmp(what, "overflow") == 0) {
    volatile int most = INT_MAX;
    most = most + count;
    return 0;
  }
  return 2;
}
