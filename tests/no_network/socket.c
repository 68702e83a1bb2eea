/* Preloaded into a process, notes in the file SOCKET_NOTE that a socket was asked for, and refuses it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int refuse(void) {
    int note = open(getenv("SOCKET_NOTE"), O_CREAT | O_WRONLY, 0600);
    if (note >= 0) close(note);
    errno = EACCES;
    return -1;
}

int socket(int domain, int type, int protocol) { (void)domain, (void)type, (void)protocol; return refuse(); }
int socketpair(int domain, int type, int protocol, int pair[2]) {
    (void)domain, (void)type, (void)protocol, (void)pair;
    return refuse();
}
