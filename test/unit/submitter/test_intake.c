/* intake: skip, estimates, shapes: a model of a node answers, the machine says what goes. */
#include "submitter/intake.c"
#include "submitter/args.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct node {       /* what the chain would say */
	bool done[200]; /* getTokenCode == code */
	bool bad[200];  /* setBulkTokenCodes reverts when it is among the ids */
	bool silent_skip, silent_whole;
	uint64_t gas_per_item;
	size_t skips, estimates, fits;
};
struct world {
	struct arena a;
	struct abi_entry set, get;
	struct contract_decl contract;
	struct batch_decl decl;
	struct call set_args[2], get_args[1];
	struct shapes shapes;
	struct intake in;
	struct intake_batch batches[40];
	struct node node;
	struct call_scope names;
	struct question asked[400];
	size_t nasked;
};

static const uint8_t *no_address(void *arg, const struct signer_decl *s)
{
	(void)arg;
	(void)s;
	return NULL;
}

static struct call column(const char *name)
{
	return (struct call){.kind = CALL_COLUMN, .text = str_of(name)};
}

static struct world *world_new(void)
{
	static const uint8_t address[1][20] = {{0xaa}};
	struct world *w = mem_alloc(sizeof *w);
	struct err e = {0};
	size_t at;
	assert_true(abi_parse_line(&w->a, STR("function set(uint256[] ids, string[] codes)"), &w->set, &at, &e));
	assert_true(
		abi_parse_line(&w->a, STR("function get(uint256 id) view returns (string)"), &w->get, &at, &e));
	w->contract = (struct contract_decl){.name = "C", .addresses = address, .naddresses = 1};
	w->set_args[0] = column("id");
	w->set_args[1] = column("code");
	w->get_args[0] = (struct call){.kind = CALL_NAME, .text = STR("id")};
	w->decl = (struct batch_decl){.name = "b",
		.max = 10,
		.has_skip = true,
		.skip = {.left = {.kind = CALL_CHAIN,
					 .contract = &w->contract,
					 .fn = &w->get,
					 .args = w->get_args,
					 .nargs = 1},
			.has_right = true,
			.right = {.kind = CALL_NAME, .text = STR("code")}},
		.send = {
			.kind = CALL_CHAIN, .contract = &w->contract, .fn = &w->set, .args = w->set_args, .nargs = 2}};
	w->names = (struct call_scope){.address = no_address};
	w->in = (struct intake){.a = &w->a, .shapes = &w->shapes, .names = &w->names, .batches = w->batches};
	w->node.gas_per_item = 5000;
	return w;
}

static void world_free(struct world *w)
{
	arena_fini(&w->a);
	free(w);
}

/* A batch of n items, ids from `from`. */
static struct intake_batch *add(struct world *w, int64_t from, size_t n)
{
	struct intake_batch *b = &w->batches[w->in.n++];
	*b = (struct intake_batch){.id = (int64_t)w->in.n, .decl = &w->decl, .n = n};
	b->items = arena_alloc(&w->a, n * sizeof *b->items);
	for (size_t i = 0; i < n; i++) {
		int64_t id = from + (int64_t)i;
		b->items[i].id = id;
		const char *json = arena_printf(&w->a, "{\"id\":\"%d\",\"code\":\"c%03d\"}", (int)id, (int)id);
		assert_true(args_parse(&w->a, str_of(json), &b->items[i].args, NULL));
	}
	return b;
}

static void note(void *arg, const struct question *q)
{
	struct world *w = arg;
	assert_true(w->nasked < 400);
	w->asked[w->nasked++] = *q;
}

static int64_t id_of(const struct world *w, const struct question *q)
{
	return w->batches[q->batch].items[q->item].id;
}

static struct reply answer_skip(struct world *w, const struct question *q)
{
	static uint8_t ret[96];
	int64_t id = id_of(w, q);
	w->node.skips++;
	if (w->node.silent_skip)
		return (struct reply){.error = "timeout"};
	if (w->node.bad[id])
		return (struct reply){.reverted = true};
	memset(ret, 0, sizeof ret);
	ret[31] = 32;
	if (w->node.done[id]) {
		ret[63] = 4;
		snprintf((char *)ret + 64, 5, "c%03d", (int)id);
	}
	return (struct reply){.ok = true, .ret = {ret, w->node.done[id] ? 96 : 64}};
}

/* The ids are in the calldata: selector, two offsets, the length, then one word each. */
static struct reply answer_whole(struct world *w, const struct question *q)
{
	uint8_t raw[4096];
	size_t n = q->data.n / 2 - 1;
	assert_true(n <= sizeof raw && hex_from(raw, n, q->data));
	size_t count = raw[4 + 64 + 31];
	uint64_t gas = 21000 + w->node.gas_per_item * count;
	*(q->kind == QUESTION_FITS ? &w->node.fits : &w->node.estimates) += 1;
	if (w->node.silent_whole)
		return (struct reply){.error = "timeout"};
	for (size_t i = 0; i < count; i++)
		if (w->node.bad[raw[4 + 96 + 32 * i + 31]])
			return (struct reply){.reverted = true, .ret = {(const uint8_t *)"\1\2\3\4", 4}};
	if (q->kind == QUESTION_FITS && q->gas < gas)
		return (struct reply){.too_big = true, .error = "out of gas"};
	return (struct reply){.ok = true, .gas = gas};
}

static size_t run(struct world *w)
{
	size_t rounds = 0;
	intake_init(&w->in);
	while (w->nasked = 0, intake_round(&w->in, note, w)) {
		rounds++;
		for (size_t i = w->nasked; i-- > 0;) { /* answers come in any order */
			const struct question *q = &w->asked[i];
			struct reply r = q->kind == QUESTION_SKIP ? answer_skip(w, q) : answer_whole(w, q);
			intake_told(&w->in, q, &r);
		}
	}
	return rounds;
}

static void one_round_when_nothing_is_done_yet(void **state)
{
	(void)state;
	struct world *w = world_new();
	struct intake_batch *b = add(w, 1, 10);
	assert_int_equal(run(w), 1);
	assert_int_equal(b->end, INTAKE_GOES);
	assert_int_equal(b->gas, 71000);
	assert_int_equal(w->node.skips, 10);
	world_free(w);
}

static void done_items_leave_and_the_rest_is_asked_anew(void **state)
{
	(void)state;
	struct world *w = world_new();
	struct intake_batch *b = add(w, 1, 10), *c = add(w, 11, 2);
	w->node.done[1] = w->node.done[4] = w->node.done[11] = w->node.done[12] = true;
	assert_int_equal(run(w), 2);
	assert_int_equal(b->end, INTAKE_GOES);
	assert_int_equal(b->gas, 61000);
	assert_int_equal(b->items[0].out, ITEM_ALREADY);
	assert_int_equal(b->items[1].out, ITEM_GOES);
	assert_int_equal(c->end, INTAKE_EMPTY);
	world_free(w);
}

static void a_revert_is_a_failure_and_a_reverting_skip_is_none(void **state)
{
	(void)state;
	struct world *w = world_new();
	struct intake_batch *b = add(w, 1, 10), *c = add(w, 11, 10);
	w->node.bad[3] = true;
	run(w);
	assert_int_equal(b->end, INTAKE_FAILS);
	assert_int_equal(b->failure, PROBE_REVERTS);
	assert_int_equal(b->revert.n, 4);
	assert_int_equal(c->end, INTAKE_GOES);
	/* halving takes one out: the others go */
	intake_item(b, 2)->out = ITEM_WAITS;
	intake_again(b);
	w->nasked = 0;
	assert_true(intake_round(&w->in, note, w));
	assert_int_equal(w->nasked, 1); /* skip is not asked again */
	struct reply r = answer_whole(w, &w->asked[0]);
	intake_told(&w->in, &w->asked[0], &r);
	assert_int_equal(b->end, INTAKE_GOES);
	assert_int_equal(b->gas, 66000);
	world_free(w);
}

static void no_answer_waits(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		struct world *w = world_new();
		struct intake_batch *b = add(w, 1, 3);
		w->node.silent_skip = which == 0;
		w->node.silent_whole = which == 1;
		run(w);
		assert_int_equal(b->end, INTAKE_WAITS);
		assert_non_null(strstr(b->why, "timeout"));
		world_free(w);
	}
}

static void what_does_not_fit_its_type_is_set_aside(void **state)
{
	(void)state;
	struct world *w = world_new();
	struct intake_batch *b = add(w, 1, 3);
	assert_true(args_parse(&w->a, STR("{\"id\":\"-1\",\"code\":\"x\"}"), &b->items[1].args, NULL));
	run(w);
	assert_int_equal(b->end, INTAKE_GOES);
	assert_int_equal(b->items[1].out, ITEM_PARKED);
	assert_non_null(b->items[1].why);
	assert_int_equal(intake_alive(b), 2);
	world_free(w);
}

static void many_alike_are_tried_with_a_known_gas(void **state)
{
	(void)state;
	struct world *w = world_new();
	for (int i = 0; i < 10; i++)
		add(w, 1 + 10 * i, 10);
	run(w);
	assert_int_equal(w->node.estimates, 10); /* the first group learns */
	w->in.n = 0;
	w->node.estimates = 0;
	for (int i = 0; i < 10; i++)
		add(w, 1 + 10 * i, 10);
	w->node.bad[55] = true;
	run(w);
	assert_int_equal(w->node.fits, 10);
	assert_int_equal(w->node.estimates, 1); /* the one that failed: its own estimate has the last word */
	for (int i = 0; i < 10; i++)
		assert_int_equal(w->batches[i].end, i == 5 ? INTAKE_FAILS : INTAKE_GOES);
	assert_int_equal(w->batches[0].gas, 71000);
	/* dearer now: what was known is not enough, estimates say how much is */
	w->in.n = 0;
	w->node.bad[55] = false;
	w->node.gas_per_item = 6000;
	for (int i = 0; i < 10; i++)
		add(w, 1 + 10 * i, 10);
	assert_int_equal(run(w), 2);
	assert_int_equal(w->batches[9].end, INTAKE_GOES);
	assert_int_equal(w->batches[9].gas, 81000);
	/* few are always estimated */
	w->in.n = 0;
	w->node.estimates = 0;
	add(w, 1, 10);
	run(w);
	assert_int_equal(w->node.estimates, 1);
	world_free(w);
}

static void a_fixed_gas_is_tried_at_once(void **state)
{
	(void)state;
	struct world *w = world_new();
	w->in.fixed_gas = 71000;
	struct intake_batch *b = add(w, 1, 10), *c = add(w, 11, 10), *d = add(w, 21, 3);
	w->node.bad[13] = true;
	run(w);
	assert_int_equal(w->node.fits, 3);
	assert_int_equal(w->node.estimates, 1); /* the one that failed: why */
	assert_int_equal(b->end, INTAKE_GOES);
	assert_int_equal(b->gas, 71000);
	assert_int_equal(c->end, INTAKE_FAILS);
	assert_int_equal(d->gas, 71000);
	/* too little for ten: the estimate says how much it takes, group.c that it does not fit */
	w->in.n = 0;
	w->in.fixed_gas = 70999;
	b = add(w, 1, 10);
	run(w);
	assert_int_equal(b->gas, 71000);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_round_when_nothing_is_done_yet),
		cmocka_unit_test(done_items_leave_and_the_rest_is_asked_anew),
		cmocka_unit_test(a_revert_is_a_failure_and_a_reverting_skip_is_none),
		cmocka_unit_test(no_answer_waits),
		cmocka_unit_test(what_does_not_fit_its_type_is_set_aside),
		cmocka_unit_test(many_alike_are_tried_with_a_known_gas),
		cmocka_unit_test(a_fixed_gas_is_tried_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
