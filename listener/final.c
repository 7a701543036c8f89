#include "listener/final.h"

void final_init(struct final *f, const struct chain_decl *c, int64_t known)
{
	*f = (struct final){.kind = c->final,
		.depth = c->final == FINAL_DEPTH ? (int64_t)c->final_depth : FINAL_DEFAULT_DEPTH,
		.tag = -1,
		.number = known};
}

void final_known(struct final *f, int64_t number)
{
	f->number = number;
}

const char *final_tag(const struct final *f)
{
	switch (f->kind) {
	case FINAL_SAFE: return "safe";
	case FINAL_FINALIZED:
	case FINAL_DEFAULT: return "finalized";
	case FINAL_DEPTH: break;
	}
	return NULL;
}

void final_heard(struct final *f, int64_t tag, int64_t head)
{
	/* anvil says 0 for its first blocks, hardhat says the head itself: neither is a tag that moves behind the
	 * head */
	if (tag > 0 && tag < head && f->tag > 0 && tag != f->tag)
		f->tag_moves = true;
	f->tag = tag;
}

int64_t final_at(struct final *f, int64_t head, int64_t done)
{
	int64_t n = -1;
	switch (f->kind) {
	case FINAL_DEPTH: n = head - f->depth; break;
	case FINAL_DEFAULT: n = f->tag_moves ? f->tag : head - f->depth; break;
	case FINAL_SAFE:
	case FINAL_FINALIZED: n = f->tag; break;
	}
	if (n > done)
		n = done;
	if (n > f->number)
		f->number = n;
	return f->number;
}

int64_t final_window(const struct chain_decl *c)
{
	if (c->has_window)
		return (int64_t)c->window;
	int64_t depth = c->final == FINAL_DEPTH ? (int64_t)c->final_depth : FINAL_DEFAULT_DEPTH;
	return depth > FINAL_DEFAULT_WINDOW ? depth : FINAL_DEFAULT_WINDOW;
}

enum { WINDOW_MOST = 100000 };

int64_t final_window_now(const struct final *f, const struct chain_decl *c, int64_t head)
{
	int64_t w = final_window(c), lag = head - f->tag;
	bool by_tag = f->kind == FINAL_DEFAULT ? f->tag_moves : f->kind != FINAL_DEPTH;
	if (!by_tag || f->tag < 0 || lag <= w)
		return w;
	return lag < WINDOW_MOST ? lag : WINDOW_MOST;
}
