/* run: glue of the reconciler: lane `clock`, ears, timers, and what is next. */
#ifndef FAIRLEAD_RECONCILER_RUN_H
#define FAIRLEAD_RECONCILER_RUN_H

int reconciler_main(int argc, char **argv);

#endif
