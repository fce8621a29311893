#include "CLinux.h"

extern char **environ;

/* The arguments as the kernel laid them out, and copies that stay when the title overwrites them. */
static int argument_count;
static char **arguments;
static char **argument_copies;
static char *title_end;
/* The program's file, if it was found through PATH. */
static char program[PATH_MAX];

/* The C library hands these to every constructor; Swift gives out copies only. */
__attribute__((constructor)) static void keep_arguments(int argc, char **argv, char **envp) {
    (void)envp;
    argument_count = argc;
    arguments = argv;
    argument_copies = calloc((size_t)argc + 1, sizeof(char *));
    if (argument_copies == NULL) abort();
    for (int i = 0; i < argc; i++) {
        argument_copies[i] = strdup(argv[i]);
        if (argument_copies[i] == NULL) abort();
    }
}

__attribute__((constructor)) static void keep_program(void) {
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = 0;
}

int apus_argument_count(void) { return argument_count; }
const char *apus_argument(int index) {
    return index >= 0 && index < argument_count ? argument_copies[index] : NULL;
}

/* The environment's strings follow the arguments in memory: moved away, they leave room for a title. */
static void make_room_for_title(void) {
    char *end = arguments[0];
    for (int i = 0; i < argument_count; i++)
        if (arguments[i] == end) end += strlen(end) + 1;
    for (char **entry = environ; *entry; entry++) {
        if (*entry != end) continue;
        char *copy = strdup(*entry);
        if (copy == NULL) break;
        end += strlen(end) + 1;
        *entry = copy;
    }
    title_end = end - 1;
}

void apus_set_title(const char *title) {
    if (argument_count == 0) return;
    if (title_end == NULL) make_room_for_title();
    size_t room = (size_t)(title_end - arguments[0]);
    size_t length = strlen(title);
    if (length > room) length = room;
    arguments[1] = NULL;
    memcpy(arguments[0], title, length);
    memset(arguments[0] + length, 0, room - length + 1);
}

char **apus_environment(void) { return environ; }
void apus_replace_environment(char **entries) { environ = entries; }

/* Runs the program again that this process runs, with the arguments it was started with. */
int apus_exec_again(char **environment) {
    const char *path = argument_copies[0];
    if (strchr(path, '/') == NULL && program[0] != 0) path = program;
    return execve(path, argument_copies, environment);
}

int apus_signal_wait(const sigset_t *signals, long milliseconds, int *sender) {
    siginfo_t info;
    int signal;
    memset(&info, 0, sizeof info);
    if (milliseconds < 0) {
        signal = sigwaitinfo(signals, &info);
    } else {
        struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000};
        signal = sigtimedwait(signals, &info, &limit);
    }
    *sender = info.si_pid;
    return signal;
}
