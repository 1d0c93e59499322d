/* init --policy; see init_policy.h. */
#include "cli/init_policy.h"

#include "base/hex.h"
#include "base/log.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/status.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What became of one of them. */
struct made {
	const char *url;
	struct hf_id id;
	uint8_t owner_public[32];
	bool is_new, is_alike;
	int failed; /* a code; 0: it is there */
	char why[HF_ERROR_MAX];
};

struct making {
	struct hf_cli *cli;
	const struct hf_init_options *options;
	struct hf_repository *first;
	struct hf_cli_places *places;
	struct made *all; /* the first one and the copies */
	size_t count;
};

bool hf_init_is_by_policy(const struct hf_cli *cli)
{
	return cli->policy && !cli->repo;
}

static void note_made(struct made *m, const struct hf_init_result *result)
{
	m->id = result->repository;
	memcpy(m->owner_public, result->owner_public, sizeof(m->owner_public));
	m->is_new = true;
}

static void note_found(struct made *m, const struct hf_repository *repo)
{
	m->id = repo->id;
	memcpy(m->owner_public, repo->key->owner_public, sizeof(m->owner_public));
}

/* --- the first --------------------------------------------------------------------------------------------------------- */

static int give_passphrase(void *user, struct hf_buf *out, struct hf_error *err)
{
	const struct hf_buf *passphrase = user;
	hf_buf_add(out, passphrase->data, passphrase->len);
	return hf_buf_check(out, "passphrase", err);
}

/* A key file that the policy names can't be there yet. */
static int make_first(struct making *m, struct made *made, struct hf_error *err)
{
	HF_PASSPHRASE_AUTO passphrase = HF_BUF(HF_PASSPHRASE_MAX);
	struct hf_init_options o = *m->options;
	struct hf_init_result result;
	char prompt[512];
	snprintf(prompt, sizeof(prompt), "New passphrase for %s", o.url);
	const struct hf_passphrase_options ask = {.prompt = prompt, .twice = true};
	int r = hf_cli_passphrase(m->cli, &ask, &passphrase, err);
	hf_passphrase_scrub_environment();
	o.passphrase = (struct iovec){passphrase.data, passphrase.len};
	o.like_domain = o.like ? o.like_domain : NULL;
	if (r == 0)
		r = hf_init(&o, &result, err);
	if (r < 0)
		return r;
	note_made(made, &result);
	const struct hf_repository_options opening = {.url = o.url, .credentials = {NULL, give_passphrase, &passphrase}};
	return m->count > 1 ? hf_repository_open(&opening, &m->first, err) : 0;
}

static int first(struct making *m, struct made *made, struct hf_error *err)
{
	made->url = m->options->url;
	made->is_alike = true;
	int r = hf_init_is_made(made->url, err);
	if (r == 0)
		return make_first(m, made, err);
	if (r > 0)
		r = hf_cli_open(m->cli, &m->first, err);
	if (r == 0)
		note_found(made, m->first);
	return r;
}

/* --- the copies -------------------------------------------------------------------------------------------------------- */

static int make_copy(struct making *m, const struct hf_policy_place *place, struct made *made, struct hf_error *err)
{
	HF_PASSPHRASE_AUTO passphrase = HF_BUF(HF_PASSPHRASE_MAX);
	struct hf_init_options o = *m->options;
	struct hf_init_result result;
	char prompt[512];
	snprintf(prompt, sizeof(prompt), "New passphrase for %s", place->repository);
	const struct hf_passphrase_options ask = {.prompt = prompt, .twice = true};
	int r = hf_cli_places_passphrase(m->places, place, &ask, &passphrase, err);
	o.url = place->repository;
	o.passphrase = (struct iovec){passphrase.data, passphrase.len};
	o.like_domain = o.like ? NULL : o.like_domain;
	o.like = m->first;
	o.store.create_itself = true;
	if (r == 0)
		r = hf_init(&o, &result, err);
	if (r < 0)
		return r;
	note_made(made, &result);
	made->is_alike = true;
	return 0;
}

static int find_copy(struct making *m, const struct hf_policy_place *place, struct made *made, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	int r = hf_cli_places_open(m->places, place, &repo, err);
	if (r < 0)
		return r;
	note_found(made, repo);
	if (hf_id_equal(&repo->id, &m->first->id))
		return hf_fail(err, HF_E_USAGE, "it is the repository that is to be copied, and no copy of it");
	r = hf_init_is_alike(repo, m->first, m->options->like ? NULL : m->options->like_domain, err);
	made->is_alike = r > 0;
	return r < 0 ? r : 0;
}

static int copy(struct making *m, const struct hf_policy_place *place, struct made *made, struct hf_error *err)
{
	struct hf_error why = {0};
	made->url = place->repository;
	int r = hf_init_is_made(place->repository, &why);
	if (r >= 0)
		r = r ? find_copy(m, place, made, &why) : make_copy(m, place, made, &why);
	if (r == HF_E_STOPPED || r == HF_E_NOMEM)
		return hf_fail(err, r, "copy at %s: %s", place->repository, why.msg);
	made->failed = r;
	snprintf(made->why, sizeof(made->why), "%s", why.msg);
	if (r < 0)
		hf_warn("the copy at %s: %s", place->repository, why.msg);
	else if (!made->is_alike)
		hf_warn("%s names chunks otherwise than %s: what is copied there is cut anew, each time", place->repository,
			m->first->url);
	return 0;
}

/* --- what is said ------------------------------------------------------------------------------------------------------- */

static void put_json(json_t *j, const struct made *made)
{
	json_object_set_new(j, "url", hf_json_bytes(made->url, strlen(made->url)));
	if (made->failed) {
		json_object_set_new(j, "error", json_pack("{s:i, s:o}", "status", hf_status_of(made->failed), "message",
			hf_json_bytes(made->why, strlen(made->why))));
		return;
	}
	json_object_set_new(j, "repository", hf_json_hex_string(made->id.b, HF_ID_SIZE));
	json_object_set_new(j, "owner_public", hf_json_hex_string(made->owner_public, sizeof(made->owner_public)));
	json_object_set_new(j, "made", json_boolean(made->is_new));
}

static int print_json(const struct making *m, struct hf_error *err)
{
	json_t *j = json_object(), *copies = json_array();
	put_json(j, &m->all[0]);
	for (size_t i = 1; i < m->count; i++) {
		json_t *one = json_object();
		put_json(one, &m->all[i]);
		if (!m->all[i].failed)
			json_object_set_new(one, "alike", json_boolean(m->all[i].is_alike));
		json_array_append_new(copies, one);
	}
	json_object_set_new(j, "copies", copies);
	return hf_print_json(j, err);
}

static void print_text(const struct making *m)
{
	size_t made = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct made *one = &m->all[i];
		char id[HF_ID_TEXT], owner[65];
		const char *what = i ? "copy" : "repository";
		hf_hex(one->id.b, HF_ID_SIZE, id);
		if (one->failed)
			hf_print("FAILED: copy at %s.\n", one->url);
		else if (one->is_new)
			hf_print("Made %s %s at %s.\nOwner's public key: %s\n", what, id, one->url,
				hf_hex(one->owner_public, sizeof(one->owner_public), owner));
		else
			hf_print("The %s %s is there already at %s, and kept as it is.\n", what, id, one->url);
		made += one->is_new;
	}
	if (made)
		hf_print("Without its passphrase (or a key file, see holdfast key) nothing in a repository can be read again.\n");
}

static int status_of(const struct making *m)
{
	for (size_t i = 1; i < m->count; i++)
		if (m->all[i].failed)
			return hf_status_of(m->all[i].failed);
	return HF_STATUS_DONE;
}

static int make_all(struct making *m, struct hf_error *err)
{
	int r = first(m, &m->all[0], err);
	const struct hf_policy_place *places = m->cli->policy->copies.items;
	for (size_t i = 1; r == 0 && i < m->count; i++)
		r = copy(m, &places[i - 1], &m->all[i], err);
	return r;
}

int hf_init_by_policy(struct hf_cli *cli, const struct hf_init_options *options, struct hf_error *err)
{
	HF_CLI_PLACES_AUTO places;
	hf_cli_places_begin(&places, cli);
	struct making m = {.cli = cli, .options = options, .places = &places, .count = cli->policy->copies.count + 1};
	m.all = calloc(m.count, sizeof(*m.all));
	int r = m.all ? make_all(&m, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0 && cli->json)
		r = print_json(&m, err);
	else if (r == 0 && (!cli->quiet || status_of(&m)))
		print_text(&m);
	if (r == 0)
		r = status_of(&m);
	hf_repository_close(m.first);
	free(m.all);
	return r;
}
