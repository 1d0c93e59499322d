/* Data keys of runs; see run_key.h. */
#include "repo/run_key.h"


#include "base/buf.h"
#include "crypto/box.h"
#include "crypto/kdf.h"
#include "crypto/random.h"


enum { ALGORITHM = 1, BOX_AT = 88, COMMITMENT_AT = 168 };

/* All of the header before the box. */
static void header_start(const struct hf_run_key *k, const struct hf_id *pack, uint8_t out[BOX_AT])
{
	memcpy(out, "HOLDFAST", 8);
	out[8] = 1;
	out[9] = HF_KIND_PACK;
	out[10] = (uint8_t)k->pack_class;
	out[11] = ALGORITHM;
	hf_put_u32(out + 12, k->number);
	memcpy(out + 16, k->repository.b, 16);
	memcpy(out + 32, k->writer.b, 16);
	memcpy(out + 48, pack->b, 16);
	memcpy(out + 64, k->run.b, 16);
	hf_put_u32(out + 80, k->epoch);
	hf_put_u32(out + 84, k->domain_mark);
}

/* What the box is bound to: the header's start without the magic and the pack's own id. */
static struct iovec box_context(const uint8_t start[BOX_AT], uint8_t out[64])
{
	memcpy(out, start + 8, 40);
	memcpy(out + 40, start + 64, 24);
	return (struct iovec){out, 64};
}

static int commitment_of(const struct hf_run_key *k, uint8_t out[32], struct hf_error *err)
{
	uint8_t salt[20];
	memcpy(salt, k->run.b, 16);
	hf_put_u32(salt + 16, k->number);
	return hf_hkdf((struct iovec){(void *)(uintptr_t)k->secret, 32}, (struct iovec){salt, sizeof(salt)},
		"holdfast key commitment v1", out, 32, err);
}

int hf_run_key_new(const struct hf_key *key, const struct hf_run_key_options *options, struct hf_run_key *out,
	struct hf_error *err)
{
	const struct hf_epoch *epoch = hf_key_newest_epoch(key);
	if (!epoch)
		return hf_fail(err, HF_E_KEY, "key %s has no public key to seal data to", key->name);
	*out = (struct hf_run_key){.repository = key->repository, .writer = key->id, .run = options->run,
		.pack_class = options->pack_class, .number = options->number, .epoch = epoch->number,
		.domain_mark = options->domain_mark};
	hf_random(out->secret, sizeof(out->secret));
	uint8_t start[BOX_AT], context[64];
	header_start(out, &out->run, start);
	int r = hf_box_seal(options->pack_class == HF_PACK_DATA ? epoch->data_public : epoch->catalogue_public,
		box_context(start, context), out->secret, 32, out->box, err);
	return r < 0 ? r : commitment_of(out, out->commitment, err);
}

void hf_run_key_header(const struct hf_run_key *k, const struct hf_id *pack, uint8_t out[HF_PACK_HEADER])
{
	header_start(k, pack, out);
	memcpy(out + BOX_AT, k->box, 80);
	memcpy(out + COMMITMENT_AT, k->commitment, 32);
}

static int parse(const uint8_t header[HF_PACK_HEADER], const struct hf_ref *pack, const struct hf_key *key,
	struct hf_run_key *out, struct hf_error *err)
{
	*out = (struct hf_run_key){.pack_class = header[10], .number = hf_get_u32(header + 12),
		.epoch = hf_get_u32(header + 80), .domain_mark = hf_get_u32(header + 84)};
	if (memcmp(header, "HOLDFAST", 8) != 0 || header[9] != HF_KIND_PACK)
		return hf_fail(err, HF_E_CORRUPT, "it does not start as a pack does");
	if (header[8] != 1 || header[11] != ALGORITHM)
		return hf_fail(err, HF_E_UNSUPPORTED, "format version %u, algorithm %u: use a newer program", header[8],
			header[11]);
	if (out->pack_class != HF_PACK_DATA && out->pack_class != HF_PACK_LIST)
		return hf_fail(err, HF_E_CORRUPT, "its header does not parse");
	if (memcmp(header + 16, key->repository.b, 16) != 0)
		return hf_fail(err, HF_E_CORRUPT, "it belongs to another repository");
	if (memcmp(header + 32, pack, 32) != 0)
		return hf_fail(err, HF_E_CORRUPT, "it was stored under another name than its own");
	memcpy(out->repository.b, header + 16, 16);
	memcpy(out->writer.b, header + 32, 16);
	memcpy(out->run.b, header + 64, 16);
	memcpy(out->box, header + BOX_AT, 80);
	memcpy(out->commitment, header + COMMITMENT_AT, 32);
	return 0;
}

int hf_run_key_open(const uint8_t header[HF_PACK_HEADER], const struct hf_ref *pack, const struct hf_key *key,
	struct hf_run_key *out, struct hf_error *err)
{
	int r = parse(header, pack, key, out, err);
	if (r < 0)
		return r;
	bool data = out->pack_class == HF_PACK_DATA;
	const struct hf_epoch *e = hf_key_epoch(key, out->epoch);
	if (!e || !(data ? e->has_data_secret : e->has_catalogue_secret))
		return hf_fail(err, HF_E_KEY, "key %s (kind %s) cannot read %s of epoch %u", key->name,
			hf_key_kind_name(key->kind), data ? "data" : "the catalogue", out->epoch);
	uint8_t context[64], commitment[32];
	r = hf_box_open(data ? e->data_secret : e->catalogue_secret, data ? e->data_public : e->catalogue_public,
		box_context(header, context), out->box, sizeof(out->box), out->secret, err);
	if (r == 0)
		r = commitment_of(out, commitment, err);
	if (r == 0 && !hf_equal(commitment, out->commitment, 32))
		r = hf_fail(err, HF_E_CORRUPT, "its data key is not the one that it commits to");
	return r;
}

void hf_run_key_wipe(struct hf_run_key *k)
{
	hf_wipe(k, sizeof(*k));
}
