/* run: glue of the batcher: one applier a chain, and what the member's callbacks mean to them. */
#ifndef FAIRLEAD_BATCHER_RUN_H
#define FAIRLEAD_BATCHER_RUN_H

int batcher_main(int argc, char **argv);

#endif
