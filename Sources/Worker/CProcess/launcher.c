#include "CProcess.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

void pg_end_with_parent(void) {
    int parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) raise(SIGKILL);
}
