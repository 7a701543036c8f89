/* run: the process: one sender a signer of the file. */
#ifndef FAIRLEAD_SUBMITTER_RUN_H
#define FAIRLEAD_SUBMITTER_RUN_H

int submitter_main(int argc, char **argv);

#endif
