/* run: glue of the listener: one reader a chain, and what the member's callbacks mean to them. */
#ifndef FAIRLEAD_LISTENER_RUN_H
#define FAIRLEAD_LISTENER_RUN_H

int listener_main(int argc, char **argv);

#endif
