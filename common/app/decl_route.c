#include "common/app/decl.h"
void decl_routes(struct loading *l)
{
	(void)l;
}
