/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "supervise.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_JOBS = 64, POLLS = 20 /* a second */ };

struct job {
  struct report *report;
  pid_t pid; /* 0: has ended */
  int64_t seen;
  int idle; /* polls without another case */
};

/* Job j runs cases j, j + jobs and so on; `done` of them are behind it. */
static void start(const struct supervised *s, struct job *job, int j)
{
  fflush(stdout);
  job->pid = fork();
  job->idle = 0;
  if (job->pid != 0) return;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int64_t i; (i = j + job->report->done * s->jobs) < s->count;) {
    job->report->done++;
    s->run(i, job->report, s->arg);
  }
  fflush(stdout);
  _exit(0);
}

static void note_end(struct job *job, int status)
{
  struct report *r = job->report;
  if (WIFSIGNALED(status))
    FAULT(r, "%s: %s\n", r->doing, job->idle < 0 ? "hangs" : strsignal(WTERMSIG(status)));
  else if (WEXITSTATUS(status) != 0)
    FAULT(r, "%s: ended with status %d\n", r->doing, WEXITSTATUS(status));
}

/* Non-zero while it runs. */
static int poll_job(const struct supervised *s, struct job *job, int j)
{
  int status;
  if (job->pid == 0) return 0;
  if (waitpid(job->pid, &status, WNOHANG) == job->pid) {
    job->pid = 0;
    if (status == 0) return 0;
    note_end(job, status);
    start(s, job, j);
    return 1;
  }
  if (job->report->done != job->seen) job->idle = 0;
  job->seen = job->report->done;
  if (job->idle >= 0 && ++job->idle > s->seconds * POLLS) {
    kill(job->pid, SIGKILL);
    job->idle = -1;
  }
  return 1;
}

void supervise(const struct supervised *s, struct report *total)
{
  const struct timespec pause = {0, 1000000000 / POLLS};
  const int jobs = s->jobs < MOST_JOBS ? s->jobs : MOST_JOBS;
  struct supervised all = *s;
  struct job job[MOST_JOBS] = {{0}};
  struct report *const reports = mmap(NULL, MOST_JOBS * sizeof *reports, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (reports == MAP_FAILED) exit(2);
  all.jobs = jobs;
  for (int j = 0; j < jobs; j++) {
    job[j].report = &reports[j];
    start(&all, &job[j], j);
  }
  for (int running = jobs; running > 0; nanosleep(&pause, NULL)) {
    running = 0;
    for (int j = 0; j < jobs; j++) running += poll_job(&all, &job[j], j);
  }
  for (int j = 0; j < jobs; j++) {
    total->faults += reports[j].faults;
    total->done += reports[j].done;
    for (int i = 0; i < SUPERVISE_COUNTS; i++) total->counts[i] += reports[j].counts[i];
  }
  munmap(reports, MOST_JOBS * sizeof *reports);
}
