EXTENSION = abac
# The version is written once, in the control file.  (Not :=, a VPATH build
# knows its VPATH only once PGXS is included.)
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(if $(VPATH),$(VPATH)/)abac.control)

MODULE_big = abac
OBJS = \
	src/abac.o \
	src/announce.o \
	src/attribute.o \
	src/bind.o \
	src/bson.o \
	src/cache.o \
	src/check_row.o \
	src/compile.o \
	src/compile_leaf.o \
	src/decide.o \
	src/document.o \
	src/document_write.o \
	src/draw.o \
	src/evaluate.o \
	src/explain.o \
	src/expression.o \
	src/extended_json.o \
	src/filter.o \
	src/filter_compare.o \
	src/filter_leaf.o \
	src/filter_node.o \
	src/filter_text.o \
	src/guard.o \
	src/guard_condition.o \
	src/guard_definition.o \
	src/guard_graph.o \
	src/guard_organization.o \
	src/guard_reference.o \
	src/guard_system.o \
	src/import.o \
	src/layer.o \
	src/lookup.o \
	src/pattern.o \
	src/places.o \
	src/plan.o \
	src/policy.o \
	src/principal.o \
	src/register.o \
	src/relation.o \
	src/replan.o \
	src/request.o \
	src/rewrite.o \
	src/row.o \
	src/run.o \
	src/scan.o \
	src/settle.o \
	src/shape.o \
	src/stats.o \
	src/subject.o \
	src/value.o
DATA = \
	sql/abac--1.0.0.sql

REGRESS = \
	attributes \
	bind \
	broken \
	bson \
	conditions \
	decision \
	definitions \
	explain \
	filter \
	guards \
	install \
	mongodb \
	operators \
	oracle \
	plans \
	policies \
	principal \
	protect \
	request \
	rows \
	stats
REGRESS_OPTS = --load-extension=abac
ISOLATION = \
	cache_during_load \
	cache_first_load \
	cache_rollback \
	cache_snapshot \
	cache_users \
	cache_visibility \
	cache_windows \
	cache_writes \
	guard_cycles_rc \
	guard_cycles_rr \
	guard_races_rc \
	guard_races_rr \
	guard_reference \
	plans_cursor \
	plans_prepared
ISOLATION_OPTS = --inputdir=$(srcdir)/test --load-extension=abac
PROVE_TESTS ?= test/t/*.pl
PGTAP_TESTS ?= $(srcdir)/test/pgtap/*.sql
PGTAP_DB ?= abac_pgtap

PG_CONFIG ?= pg_config

# The package is called bson2 since libbson 2.0.
BSON_PC := $(shell pkg-config --exists bson2 && echo bson2 || echo libbson-1.0)
# -isystem: libbson's headers warn under the server's flags, and those of
# PostgreSQL 18 under -Wextra.
PG_CPPFLAGS = -DABAC_VERSION='"$(EXTVERSION)"' \
	-isystem $(shell $(PG_CONFIG) --includedir-server) \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I $(BSON_PC)))
BSON_LIBS := $(shell pkg-config --libs $(BSON_PC))
# What one of our files calls in another isn't looked up by name: a third of the
# time that it takes to load the library.  (macOS binds so by itself.)
SHLIB_LINK = $(BSON_LIBS) $(if $(filter darwin,$(PORTNAME)),,-Wl,-Bsymbolic-functions)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Debian builds PostgreSQL without automatic dependencies.
$(OBJS): $(wildcard $(srcdir)/src/*.h) $(srcdir)/abac.control

.PHONY: prove_installcheck pgtap_installcheck

# TAP tests: need IPC::Run, and start servers of their own (so not as root).
prove_installcheck:
	$(prove_installcheck)

# pgTAP suites: need the pgtap extension in the server that installcheck uses.
pgtap_installcheck:
	'$(bindir)/dropdb' --if-exists $(PGTAP_DB)
	'$(bindir)/createdb' -T template0 $(PGTAP_DB)
	'$(bindir)/psql' -X -q -v ON_ERROR_STOP=1 -d $(PGTAP_DB) \
		-c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION abac'
	pg_prove -d $(PGTAP_DB) $(PGTAP_TESTS)
	'$(bindir)/dropdb' $(PGTAP_DB)
