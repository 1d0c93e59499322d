/* What PostgreSQL's programs and files say in text: pg_controldata, configuration files, pg_waldump, and a policy's DATABASE:SQL. */
#include "fuzz.h"

#include "base/buf.h"
#include "source/postgres/commits.h"
#include "source/postgres/conf.h"
#include "source/postgres/control.h"
#include "source/postgres/lsn.h"
#include "source/postgres/questions.h"

#include <string.h>

static void one_line(const char *line)
{
	enum hf_pg_include kind;
	char path[64], name[16];
	const char *sql;
	uint64_t lsn;
	if (hf_pg_conf_include(line, strlen(line), &kind, path, sizeof(path)))
		FUZZ_MUST(*path && strlen(path) < sizeof(path));
	if (hf_pg_sql_database(line, name, sizeof(name), &sql))
		FUZZ_MUST(strlen(name) < sizeof(name));
	if (hf_lsn_parse(line, &lsn)) {
		char text[HF_LSN_TEXT];
		uint64_t again;
		FUZZ_MUST(hf_lsn_parse(hf_lsn_format(lsn, text), &again) && again == lsn);
	}
	uint32_t segment = hf_wal_segment_size(line);
	FUZZ_MUST(segment <= HF_WAL_SEGMENT_MAX && (segment & (segment - 1)) == 0);
	hf_pg_commit_time(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_buf text = HF_BUF(size + 1);
	struct hf_pg_control control;
	struct hf_error err = {0};
	hf_buf_add(&text, data, size);
	FUZZ_MUST(hf_buf_cstr(&text));
	if (hf_pg_control_parse((const char *)text.data, &control, &err) == 0)
		FUZZ_MUST(control.system_identifier[0]);
	char *save, *copy = strdup((const char *)text.data);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		one_line(line);
	free(copy);
	hf_buf_free(&text);
	return 0;
}
