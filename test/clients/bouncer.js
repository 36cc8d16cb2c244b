// PgBouncer in transaction mode with default_pool_size = 1: whoever asks, it is
// on the same server connection, transaction by transaction.
//
// abac_set_user and abac_set_context in their local forms (the default) end with
// the transaction, so they are safe here.  With local => false they stay on the
// server connection, and the next client is whoever the last one was: DON'T use
// that form behind a pooler in transaction mode.  The last part of this test
// shows the leak, so that nobody has to find it out.
'use strict';

const { Pool, Client } = require('pg');
const { OFFICE, contexts, users, World, idsOf, same, fingerprint, dice, check, sqlstate, main } = require('./world.js');

const TRANSACTIONS = 1200;
const CLIENTS = 6;

// Since 1.21 PgBouncer follows named prepared statements of the protocol in
// transaction mode (max_prepared_statements); before, only unnamed ones work.
const NAMED = process.env.BOUNCER_NAMED === 'yes';

const named = (name, text, values = []) => (NAMED ? { name, text, values } : { text, values });
const everything = named('all', 'SELECT id, pg_backend_pid() AS pid FROM docs ORDER BY id');

async function workload(pool, world) {
    const roll = dice(2);
    const result = { transactions: 0, wrong: [], left: 0, stale: 0, errors: [], pids: new Set(), turns: 0 };
    let last;

    // What an ORM would do: BEGIN, who asks, queries, COMMIT.
    async function transaction(client, user) {
        const context = contexts[roll(contexts.length)];
        const doc = world.docs[roll(world.docs.length)];
        const simple = roll(2) === 0;
        try {
            await client.query('BEGIN');
            await client.query('SELECT abac_set_user($1)', [user]);
            await client.query('SELECT abac_set_context($1)', [context]);
            const rows = await client.query(simple ? everything.text : everything);
            const below = await client.query(named('below', 'SELECT id FROM docs WHERE id < $1 ORDER BY id', [doc.id]));
            if (!same(idsOf(rows), world.ids(user, context)) ||
                !same(idsOf(below), world.ids(user, context, (d) => d.id < doc.id))) {
                result.wrong.push(`${user} ${JSON.stringify(context)}`);
            }
            const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0];
            result.pids.add(pid);
            result.turns += last === undefined || last === user ? 0 : 1;
            last = user;
            await client.query(roll(4) > 0 ? 'COMMIT' : 'ROLLBACK');
            // the next transaction of this client, for nobody
            result.left += (await client.query(everything)).rows.length;
            result.transactions++;
        } catch (error) {
            result.errors.push(error.message);
            result.stale += error.code === '40001' ? 1 : 0;
            await client.query('ROLLBACK');
        }
    }

    let started = 0;
    await Promise.all(Array.from({ length: CLIENTS }, async (_, i) => {
        const client = await pool.connect();
        // two tenants' users, and others who turn up
        for (let n = 0; started++ < TRANSACTIONS; n++) {
            await transaction(client, n % 5 === 4 ? users[roll(users.length)] : i % 2 === 0 ? 'abe' : 'gus');
        }
        client.release();
    }));
    return result;
}

main(async () => {
    const direct = { host: process.env.PGHOST, port: Number(process.env.PGPORT), database: process.env.PGDATABASE };
    const bouncer = { host: process.env.BOUNCER_HOST, port: Number(process.env.BOUNCER_PORT), database: process.env.PGDATABASE, user: 'app' };
    const admin = new Client({ ...direct, user: process.env.PGUSER });
    await admin.connect();
    const world = await World.read(admin);
    const before = await fingerprint(admin);

    const pool = new Pool({ ...bouncer, max: CLIENTS });
    const result = await workload(pool, world);
    check(result.transactions === TRANSACTIONS,
        `${result.transactions} transactions with ${NAMED ? 'named' : 'unnamed'} prepared statements`, result.errors.slice(0, 5).join('; '));
    check(result.wrong.length === 0, 'the results are those of who asked', result.wrong.slice(0, 5).join('; '));
    check(result.pids.size === 1 && result.turns > TRANSACTIONS / 4,
        `on one server connection, on which the user changed ${result.turns} times`, [...result.pids].join(' '));
    check(result.left === 0, 'after COMMIT and ROLLBACK the next query sees nothing', `${result.left} rows`);
    check(result.stale === 0, `${result.stale} errors 40001`);
    await pool.end();

    // Step by step: two clients, each of which has its turn.
    const one = new Client(bouncer);
    const other = new Client(bouncer);
    await one.connect();
    await other.connect();
    const pids = [];
    for (const client of [one, other]) {
        pids.push((await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
    }
    check(pids[0] === pids[1], 'two clients share the server connection');

    await one.query('BEGIN');
    await one.query('SELECT abac_set_user($1)', ['ann']);
    await one.query('SELECT abac_set_context($1)', [OFFICE]);
    check(same(idsOf(await one.query(everything)), world.ids('ann', OFFICE)), 'ann sees her rows');
    const waiting = other.query(everything);                    // until the other transaction is over
    await one.query('COMMIT');
    check((await waiting).rows.length === 0, 'after her COMMIT the next client, who says nothing, sees nothing');
    const who = 'SELECT abac_user() AS user_id, abac_context() AS ctx';
    check(same((await other.query(who)).rows, [{ user_id: null, ctx: {} }]), 'nobody, in no context');
    check((await sqlstate(other.query("INSERT INTO docs VALUES (2000, 'acme', 'sales', 'ann', 'final', false, '')"))) === '42501',
        'and can\'t insert');

    await one.query('BEGIN');
    await one.query('SELECT abac_set_user($1)', ['ann']);
    check((await sqlstate(one.query('SELECT 1 / 0'))) === '22012', 'a transaction of ann\'s fails');
    await one.query('ROLLBACK');
    check((await other.query(everything)).rows.length === 0, 'and leaves nobody');

    await one.query('SELECT abac_set_user($1)', ['ann']);       // not in a transaction block: a WARNING
    check((await one.query(everything)).rows.length === 0 && (await other.query(everything)).rows.length === 0,
        'the local form outside of a transaction block has no effect');
    const both = await one.query("SELECT abac_set_user('ann'); SELECT id FROM docs ORDER BY id");
    check(same(idsOf(both[1]), world.ids('ann', {})) && (await other.query(everything)).rows.length === 0,
        'but two statements in one message are a transaction');

    // The leak.  If this fails because the other client sees nothing, PgBouncer
    // has become safer than this page says; doc/row-level-security.md too, then.
    await one.query('SELECT abac_set_user($1, false)', ['ann']);
    await one.query('SELECT abac_set_context($1, false)', [OFFICE]);
    check(same(idsOf(await other.query(everything)), world.ids('ann', OFFICE)),
        'WARNING: with local => false the next client IS ann');
    await one.end();
    check((await other.query(who)).rows[0].user_id === 'ann', 'even when the client that said so has gone');
    await other.query('BEGIN');
    await other.query('SELECT abac_set_user($1)', ['gus']);
    await other.query('SELECT abac_set_context($1)', [{}]);
    check(same(idsOf(await other.query(everything)), world.ids('gus', {})), 'who says who asks is right all the same');
    await other.query('COMMIT');
    check((await other.query(who)).rows[0].user_id === 'ann', 'and afterwards it is ann again');
    await other.query('RESET ALL');
    check((await other.query(who)).rows[0].user_id === null, 'until somebody resets it');
    await other.end();

    check((await fingerprint(admin)) === before, 'nothing was written');
    await admin.end();
});
