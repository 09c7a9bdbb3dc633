/*
 * A module that validates OAuth tokens for PostgreSQL 18: the token pgspec-token is good for whoever shows it, and no other.
 * It is built without the headers of a server: what it needs of them is declared here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* PG docs: xfunc-c, "Dynamic Loading"; fmgr.h */
struct magic {
	int length;
	int version;
	int most_arguments, most_index_keys, name_length, float8_by_value;
	char abi[32];
	const char *name;
	const char *module_version;
};

__attribute__((visibility("default"))) const void *Pg_magic_func(void)
{
	static const struct magic magic = {
		sizeof(struct magic), 1800, 100, 32, 64, 1, "PostgreSQL", NULL, NULL,
	};
	return &magic;
}

/* PG docs: oauth-validator-callbacks; libpq/oauth.h */
struct result {
	bool is_authorized;
	char *identity;
};

struct callbacks {
	uint32_t magic;
	void (*start)(void *state);
	void (*stop)(void *state);
	bool (*validate)(const void *state, const char *token, const char *role, struct result *result);
};

extern char *pstrdup(const char *text);

static bool validate(const void *state, const char *token, const char *role, struct result *result)
{
	(void) state;
	result->is_authorized = strcmp(token, "pgspec-token") == 0;
	if (result->is_authorized)
		result->identity = pstrdup(role);
	return true;
}

__attribute__((visibility("default"))) const struct callbacks *_PG_oauth_validator_module_init(void)
{
	static const struct callbacks callbacks = { 0x20250220, NULL, NULL, validate };
	return &callbacks;
}
