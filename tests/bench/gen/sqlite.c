/*
 * hf-gen sqlite: the database of a small shop, in WAL mode.
 *
 * Customers, orders with a JSON column, their lines, and an append-only table of events; with the
 * indexes that such an application has. Orders and lines are what gets updated, as in life; an
 * update touches a row's page and, where an indexed column changes, two places of an index.
 */
#include "gen.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static const char SCHEMA[] =
	"CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, city TEXT,"
	"  joined_at TEXT NOT NULL, note TEXT);"
	"CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),"
	"  status TEXT NOT NULL, total_cents INTEGER NOT NULL, placed_at TEXT NOT NULL,"
	"  updated_at INTEGER NOT NULL, detail TEXT NOT NULL);"
	"CREATE TABLE lines(id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),"
	"  product TEXT NOT NULL, quantity INTEGER NOT NULL, price_cents INTEGER NOT NULL, state TEXT, "
	"remark TEXT);"
	"CREATE TABLE events(id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT "
	"NULL);";

/* Made after the rows, which is ten times quicker and leaves them as compact as VACUUM would. */
static const char INDEXES[] = "CREATE INDEX customers_email ON customers(email);"
			      "CREATE INDEX orders_customer ON orders(customer_id, placed_at);"
			      "CREATE INDEX orders_updated ON orders(updated_at);"
			      "CREATE INDEX lines_order ON lines(order_id);";

/* Rows for each order, and how large an order with its share of everything else comes out. */
enum { LINES_PER_ORDER = 3, ORDERS_PER_CUSTOMER = 8, BYTES_PER_ORDER = 790 };

enum { CUSTOMER, ORDER, LINE, EVENT, STATEMENTS };
static const char *const inserts[STATEMENTS] = {
	[CUSTOMER] = "INSERT INTO customers VALUES(?,?,?,?,?,?)",
	[ORDER] = "INSERT INTO orders VALUES(?,?,?,?,?,?,?)",
	[LINE] = "INSERT INTO lines VALUES(?,?,?,?,?,?,?)",
	[EVENT] = "INSERT INTO events VALUES(?,?,?,?)",
};

struct shop {
	sqlite3 *db;
	sqlite3_stmt *insert[STATEMENTS];
	struct rng r;
	uint64_t now_ms;
	int64_t orders, lines, customers;
};

static struct out text; /* one column's text at a time */

static void run(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		gen_die("%.60s: %s", sql, message);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		gen_die("%s: %s", sql, sqlite3_errmsg(db));
	return s;
}

static void step(sqlite3 *db, sqlite3_stmt *s)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		gen_die("%s: %s", sqlite3_sql(s), sqlite3_errmsg(db));
	sqlite3_reset(s);
}

static int64_t query_int(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = prepare(db, sql);
	int64_t n;

	if (sqlite3_step(s) != SQLITE_ROW)
		gen_die("%s: %s", sql, sqlite3_errmsg(db));
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* ---- columns ---- */

static void bind_text(sqlite3_stmt *s, int column)
{
	sqlite3_bind_text(s, column, text.buf, (int)text.fill, SQLITE_TRANSIENT);
	out_begin(&text, -1, OUT_MAX);
}

static void bind_date(sqlite3_stmt *s, int column, uint64_t ms)
{
	text_date(&text, ms, 0);
	bind_text(s, column);
}

static void put_words(struct rng *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		size_t len;
		const char *w = text_word(r, &len);

		if (i)
			out_put(&text, " ", 1);
		out_put(&text, w, len);
	}
}

static void put_note(struct rng *r)
{
	struct rng canned = {rng_below(r, 1 + rng_below(r, 800))}; /* most notes are one of the usual ones */

	if (rng_below(r, 5) < 3)
		put_words(&canned, 3 + rng_below(&canned, 8));
	else
		put_words(r, rng_below(r, 12));
}

static void put_detail(struct rng *r, uint64_t now_ms)
{
	static const char *const carrier[] = {"post", "courier", "pickup", "freight"};
	static const char *const step_name[] = {"placed", "paid", "packed", "shipped"};

	out_str(&text, "{\"carrier\":\"");
	out_str(&text, carrier[rng_below(r, 4)]);
	out_str(&text, "\",\"weight_g\":");
	out_num(&text, 50 * (uint64_t)rng_below(r, 400), 1);
	out_str(&text, ",\"address\":{\"number\":");
	out_num(&text, 1 + rng_below(r, 200), 1);
	out_str(&text, ",\"street\":\"");
	out_str(&text, text_name(60 + rng_below(r, 1000)));
	out_str(&text, "\",\"city\":\"");
	out_str(&text, text_name(200 + rng_below(r, 300)));
	out_str(&text, "\"},\"note\":\"");
	put_note(r);
	out_str(&text, "\",\"history\":[");
	for (uint32_t i = 0, n = 1 + rng_below(r, 4); i < n; i++) {
		out_str(&text, i ? ",{\"step\":\"" : "{\"step\":\"");
		out_str(&text, step_name[i]);
		out_str(&text, "\",\"at\":\"");
		text_date(&text, now_ms += rng_below(r, 4000000), 0);
		out_str(&text, "\"}");
	}
	out_str(&text, "]}");
}

/* ---- rows ---- */

static void add_customer(struct shop *shop)
{
	sqlite3_stmt *s = shop->insert[CUSTOMER];
	struct rng *r = &shop->r;
	uint32_t first = 60 + rng_below(r, 4000), last = 60 + rng_below(r, 20000);

	sqlite3_bind_int64(s, 1, ++shop->customers);
	out_str(&text, text_name(first));
	out_put(&text, " ", 1);
	out_str(&text, text_name(last));
	bind_text(s, 2);
	out_str(&text, text_name(first));
	out_put(&text, ".", 1);
	out_str(&text, text_name(last));
	out_num(&text, rng_below(r, 100), 1);
	out_str(&text, "@example.org");
	bind_text(s, 3);
	out_str(&text, text_name(200 + rng_below(r, 300)));
	bind_text(s, 4);
	bind_date(s, 5, shop->now_ms);
	put_note(r);
	bind_text(s, 6);
	step(shop->db, s);
}

static void add_line(struct shop *shop)
{
	sqlite3_stmt *s = shop->insert[LINE];
	struct rng *r = &shop->r;
	uint32_t product = rng_below(r, 20000);

	sqlite3_bind_int64(s, 1, ++shop->lines);
	sqlite3_bind_int64(s, 2, shop->orders);
	out_str(&text, text_name(product / 10));
	out_put(&text, "-", 1);
	out_num(&text, product, 5);
	bind_text(s, 3);
	sqlite3_bind_int(s, 4, 1 + (int)rng_below(r, 5));
	sqlite3_bind_int(s, 5, 99 + (int)(product * 7919 % 20000));
	sqlite3_bind_text(s, 6, rng_below(r, 9) ? "in stock" : "ordered", -1, SQLITE_STATIC);
	if (rng_below(r, 3) == 0)
		put_note(r);
	bind_text(s, 7);
	step(shop->db, s);
}

static void add_event(struct shop *shop)
{
	static const char *const kind[] = {"order.placed", "order.paid", "order.shipped", "mail.sent"};
	sqlite3_stmt *s = shop->insert[EVENT];
	struct rng *r = &shop->r;

	sqlite3_bind_null(s, 1);
	bind_date(s, 2, shop->now_ms);
	out_str(&text, kind[rng_below(r, 4)]);
	bind_text(s, 3);
	out_str(&text, "{\"order\":");
	out_num(&text, (uint64_t)shop->orders, 1);
	out_str(&text, ",\"by\":\"");
	put_words(r, 1);
	out_str(&text, "\",\"took_ms\":");
	out_num(&text, rng_below(r, 2000), 1);
	out_str(&text, ",\"host\":\"app-");
	out_num(&text, rng_below(r, 12), 2);
	out_str(&text, ".shop.example.org\",\"message\":\"");
	put_note(r);
	out_str(&text, "\"}");
	bind_text(s, 4);
	step(shop->db, s);
}

static void add_order(struct shop *shop)
{
	static const char *const status[] = {
		"delivered", "delivered", "delivered", "shipped", "paid", "returned"};
	sqlite3_stmt *s = shop->insert[ORDER];
	struct rng *r = &shop->r;

	shop->now_ms += rng_below(r, 60000);
	if (shop->orders % ORDERS_PER_CUSTOMER == 0)
		add_customer(shop);
	sqlite3_bind_int64(s, 1, ++shop->orders);
	sqlite3_bind_int64(s, 2, 1 + rng_below(r, (uint32_t)shop->customers));
	sqlite3_bind_text(s, 3, status[rng_below(r, 6)], -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 4, 500 + (int)rng_below(r, 50000));
	bind_date(s, 5, shop->now_ms);
	sqlite3_bind_int64(s, 6, (int64_t)(shop->now_ms + rng_below(r, 500000000)));
	put_detail(r, shop->now_ms);
	bind_text(s, 7);
	step(shop->db, s);
	for (uint32_t n = 1 + rng_below(r, 2 * LINES_PER_ORDER - 1); n; n--)
		add_line(shop);
	add_event(shop);
}

/* ---- the two verbs ---- */

static void make_database(const char *path, uint64_t mib, uint64_t seed)
{
	struct shop shop = {.r = {rng_fork(seed, 77)}, .now_ms = 1672531200000u};
	uint64_t orders = (mib << 20) / BYTES_PER_ORDER;

	if (sqlite3_open(path, &shop.db) != SQLITE_OK)
		gen_die("%s: %s", path, sqlite3_errmsg(shop.db));
	run(shop.db, "PRAGMA page_size=4096; PRAGMA journal_mode=off; PRAGMA synchronous=off;"
		     "PRAGMA cache_size=-65536; PRAGMA locking_mode=exclusive; BEGIN");
	run(shop.db, SCHEMA);
	for (int i = 0; i < STATEMENTS; i++)
		shop.insert[i] = prepare(shop.db, inserts[i]);
	while (orders-- > 0)
		add_order(&shop);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(shop.insert[i]);
	run(shop.db, INDEXES);
	run(shop.db, "COMMIT; PRAGMA locking_mode=normal; PRAGMA journal_mode=wal");
	if (sqlite3_close(shop.db) != SQLITE_OK)
		gen_die("%s: %s", path, sqlite3_errmsg(shop.db));
}

/* `share` of the orders, of their lines and of the customers, each at random; events never change. */
static int64_t update_table(sqlite3 *db, struct rng *r, const char *table, const char *set, double share)
{
	char sql[256];
	int64_t rows, changes;
	sqlite3_stmt *s;

	snprintf(sql, sizeof(sql), "SELECT max(id) FROM %s", table);
	rows = query_int(db, sql);
	changes = (int64_t)(share * (double)rows);
	snprintf(sql, sizeof(sql), "UPDATE %s SET %s WHERE id=?1", table, set);
	s = prepare(db, sql);
	run(db, "BEGIN");
	for (int64_t i = 0; i < changes; i++) {
		sqlite3_bind_int64(s, 1, 1 + rng_below(r, (uint32_t)rows));
		sqlite3_bind_int64(s, 2, 1800000000000 + i * 731);
		sqlite3_bind_int(s, 3, 1 + (int)rng_below(r, 900));
		step(db, s);
		if (i % 1000 == 999)
			run(db, "COMMIT; BEGIN");
	}
	run(db, "COMMIT");
	sqlite3_finalize(s);
	return changes;
}

static void update_database(const char *path, double share, uint64_t seed)
{
	struct rng r = {rng_fork(seed, 78)};
	int64_t n = 0;
	sqlite3 *db;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		gen_die("%s: %s", path, sqlite3_errmsg(db));
	run(db, "PRAGMA synchronous=off; PRAGMA cache_size=-65536");
	n += update_table(db, &r, "orders", "status='refunded', updated_at=?2, total_cents=?3 * 100", share);
	n += update_table(db, &r, "lines", "quantity=?3, state='returned'", share);
	n += update_table(db, &r, "customers", "note='called back at ' || ?2", share);
	/* As the last connection this one checkpoints: the file alone then holds everything. */
	if (sqlite3_close(db) != SQLITE_OK)
		gen_die("%s: %s", path, sqlite3_errmsg(db));
	printf("%lld rows changed\n", (long long)n);
}

int gen_sqlite(int argc, char **argv)
{
	uint64_t mib = 1087, seed = 1;
	double update = 0;

	for (int i = 1; i < argc; i++)
		if (!gen_opt_u64(argc, argv, &i, "--mib", &mib) &&
			!gen_opt_u64(argc, argv, &i, "--seed", &seed) &&
			!gen_opt_percent(argc, argv, &i, "--update", &update))
			gen_die("sqlite: %s: unknown option", argv[i]);
	text_begin(20241);
	out_begin(&text, -1, OUT_MAX);
	if (update > 0)
		update_database(argv[0], update, seed);
	else
		make_database(argv[0], mib, seed);
	return 0;
}
