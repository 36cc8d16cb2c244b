// The client "pg" from npm, straight to the server: pooled connections of an
// ordinary role that say at the beginning of each transaction who asks, with
// named prepared statements that stay on the connections for all users.
'use strict';

const { Pool } = require('pg');
const { OFFICE, contexts, users, World, idsOf, same, fingerprint, dice, check, sqlstate, main } = require('./world.js');

const TRANSACTIONS = 2400;
const AT_ONCE = 8;              // more than the pool has connections

// The queries, as named prepared statements, and what they must return.
const queries = [
    {
        config: () => ({ name: 'all', text: 'SELECT id FROM docs ORDER BY id' }),
        expected: (world, user, context) => world.ids(user, context),
    },
    {
        config: (doc) => ({ name: 'one', text: 'SELECT id FROM docs WHERE id = $1', values: [doc.id] }),
        expected: (world, user, context, doc) => world.ids(user, context, (d) => d.id === doc.id),
    },
    {
        config: (doc) => ({
            name: 'department',
            text: 'SELECT id FROM docs WHERE department = $1 AND id > $2 ORDER BY id',
            values: [doc.department, doc.id],
        }),
        expected: (world, user, context, doc) =>
            world.ids(user, context, (d) => d.department === doc.department && d.id > doc.id),
    },
    {
        config: (doc) => ({
            name: 'join',
            text: 'SELECT a.id FROM docs a JOIN docs b ON b.id = a.id + 3 WHERE b.org = $1 ORDER BY a.id',
            values: [doc.org],
        }),
        expected: (world, user, context, doc) => {
            const seen = new Set(world.ids(user, context, (d) => d.org === doc.org));
            return world.ids(user, context, (d) => seen.has(d.id + 3));
        },
    },
    {
        // an outer join: what isn't seen isn't there
        config: (doc) => ({
            name: 'outer',
            text: `SELECT i AS id FROM generate_series($1::int, $1::int + 20) i LEFT JOIN docs d ON d.id = i
                   WHERE d.id IS NULL AND i <= 900 ORDER BY i`,
            values: [doc.id],
        }),
        expected: (world, user, context, doc) => {
            const seen = new Set(world.ids(user, context));
            return world.docs.map((d) => d.id).filter((id) => id >= doc.id && id <= doc.id + 20 && !seen.has(id));
        },
    },
];

// Who asks, until the end of the transaction.
async function begin(client, user, context) {
    await client.query('BEGIN');
    await client.query('SELECT abac_set_user($1)', [user]);
    await client.query('SELECT abac_set_context($1)', [context]);
}

async function workload(pool, world, transactions) {
    const roll = dice(1);
    const result = { transactions: 0, results: 0, wrong: [], left: 0, stale: 0, errors: [] };

    async function transaction() {
        const user = users[roll(users.length)];
        const context = contexts[roll(contexts.length)];
        const commit = roll(3) > 0;
        const client = await pool.connect();
        try {
            await begin(client, user, context);
            for (let i = roll(3); i >= 0; i--) {
                const query = queries[roll(queries.length)];
                const doc = world.docs[roll(world.docs.length)];
                const rows = idsOf(await client.query(query.config(doc)));
                const expected = query.expected(world, user, context, doc);
                result.results++;
                if (!same(rows, expected)) {
                    result.wrong.push(`${user} ${JSON.stringify(context)} ${query.config(doc).name} ${doc.id}: ` +
                                      `${rows.length} rows, not ${expected.length}`);
                }
            }
            await client.query(commit ? 'COMMIT' : 'ROLLBACK');
            // the same prepared statement, now for nobody
            result.left += (await client.query(queries[0].config())).rows.length;
            result.transactions++;
        } catch (error) {
            result.errors.push(error.message);
            result.stale += error.code === '40001' ? 1 : 0;
            await client.query('ROLLBACK');
        } finally {
            client.release();
        }
    }

    let started = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (started++ < transactions) {
            await transaction();
        }
    }));
    return result;
}

async function report(pool, world, transactions) {
    const result = await workload(pool, world, transactions);
    const plans = pool.options.options === undefined ? '' : ' with generic plans';
    check(result.transactions === transactions,
        `${result.transactions} transactions${plans}, ${AT_ONCE} at once on ${pool.totalCount} connections`,
        result.errors.slice(0, 5).join('; '));
    check(result.wrong.length === 0 && result.results >= transactions,
        `${result.results} results are those of who asked`, result.wrong.slice(0, 5).join('; '));
    check(result.left === 0, 'after COMMIT and ROLLBACK there is nobody', `${result.left} rows`);
    check(result.stale === 0, `${result.stale} errors 40001`);
}

// Do something in a transaction of the user, and commit it if it succeeds.
async function attempt(pool, user, text, values = []) {
    const client = await pool.connect();
    try {
        await begin(client, user, OFFICE);
        const result = await client.query(text, values);
        await client.query('COMMIT');
        return result;
    } catch (error) {
        await client.query('ROLLBACK');
        throw error;
    } finally {
        client.release();
    }
}

async function writes(pool, admin, world) {
    const before = await fingerprint(admin);
    const acme = world.docs.find((doc) => doc.org === 'acme').id;
    const globex = world.docs.find((doc) => doc.org === 'globex' && doc.owner === 'gia' && doc.status === 'final').id;
    const insert = 'INSERT INTO docs VALUES ($1, $2, $3, $4, $5, $6, $7)';
    const refused = [
        ['ann', 'insert into another tenant', insert, [1000, 'globex', 'sales', 'ann', 'final', false, '']],
        ['ann', 'insert into a tenant that does not exist', insert, [1000, 'umbrella', 'sales', 'ann', 'final', false, '']],
        ['abe', 'insert without the right to', insert, [1000, 'acme', 'sales', 'abe', 'final', false, '']],
        ['eve', 'insert as a stranger', insert, [1000, 'acme', 'sales', 'eve', 'final', false, '']],
        ['gus', 'insert what is another\'s', insert, [1000, 'globex', 'sales', 'gia', 'final', false, '']],
        ['ann', 'move to another tenant', 'UPDATE docs SET org = $2 WHERE id = $1', [acme, 'globex']],
        ['gia', 'give away', 'UPDATE docs SET owner = $2 WHERE id = $1', [globex, 'gus']],
    ];
    for (const [user, what, text, values] of refused) {
        const code = await sqlstate(attempt(pool, user, text, values));
        check(code === '42501', `${user} can't ${what}`, code);
    }

    // Rows that one doesn't see, or may not change, aren't found.
    const missed = [
        ['ann', 'update another tenant\'s row', 'UPDATE docs SET body = $2 WHERE id = $1', [globex, 'taken']],
        ['ann', 'delete another tenant\'s row', 'DELETE FROM docs WHERE id = $1', [globex]],
        ['abe', 'update what they read', 'UPDATE docs SET body = $2 WHERE id = $1', [acme, 'taken']],
        ['abe', 'delete everything', 'DELETE FROM docs', []],
        ['gus', 'update a colleague\'s row', 'UPDATE docs SET body = $2 WHERE id = $1', [globex, 'taken']],
        ['eve', 'update everything', 'UPDATE docs SET org = \'initech\'', []],
    ];
    for (const [user, what, text, values] of missed) {
        const result = await attempt(pool, user, text, values);
        check(result.rowCount === 0, `${user} can't ${what}`, `${result.rowCount} rows`);
    }
    const nobody = await pool.query('DELETE FROM docs');
    check(nobody.rowCount === 0, 'nobody can\'t delete everything', `${nobody.rowCount} rows`);
    check((await sqlstate(pool.query(insert, [1000, 'acme', 'sales', 'ann', 'final', false, '']))) === '42501',
        'nobody can\'t insert');
    check((await sqlstate(pool.query('TRUNCATE docs'))) === '42501', 'the application can\'t truncate');
    check((await sqlstate(pool.query("SET abac.principal = 'ann'"))) === '42501', 'nor set the principal as a setting');
    check((await sqlstate(pool.query("SELECT abac_set_context('{\"nonsense\": 1}')"))) === '22023',
        'nor set a malformed context');
    check((await fingerprint(admin)) === before, 'and none of this had an effect');

    const inserted = await attempt(pool, 'gus', `${insert} RETURNING id`, [1000, 'globex', 'legal', 'gus', 'final', false, 'mine']);
    check(same(idsOf(inserted), [1000]), 'gus inserts a row of his own');
    const updated = await attempt(pool, 'gus', 'UPDATE docs SET body = $2 WHERE id = $1 RETURNING body', [1000, 'changed']);
    check(updated.rows.length === 1 && updated.rows[0].body === 'changed', 'and changes it');
    check((await attempt(pool, 'gus', 'DELETE FROM docs WHERE id = $1', [1000])).rowCount === 1, 'and deletes it');
    check((await fingerprint(admin)) === before, 'and then all is as before');
}

// local => false: until the session ends, or is told otherwise.
async function sessions(pool, world) {
    const all = { name: 'all', text: 'SELECT id FROM docs ORDER BY id' };

    async function use(user, reset) {
        const client = await pool.connect();
        try {
            await client.query('SELECT abac_set_user($1, false)', [user]);
            await client.query('SELECT abac_set_context($1, false)', [OFFICE]);
            const rows = idsOf(await client.query(all));
            await reset(client);
            return same(rows, world.ids(user, OFFICE));
        } finally {
            client.release();
        }
    }
    const resets = {
        'RESET ALL': (client) => client.query('RESET ALL'),
        'abac_set_user(NULL, false)': async (client) => {
            await client.query('SELECT abac_set_user(NULL, false)');
            await client.query('SELECT abac_set_context(NULL, false)');
        },
    };
    for (const [name, reset] of Object.entries(resets)) {
        const right = await Promise.all(Array.from({ length: 200 }, (_, i) => use(users[i % users.length], reset)));
        check(right.every((r) => r), 'for the session: 200 times the right rows', right.filter((r) => !r).length);
        const left = await Promise.all(Array.from({ length: pool.options.max }, () => pool.query(all)));
        check(left.every((r) => r.rows.length === 0), `${name} before the release: nothing is left to the next`);
    }

    // What forgetting it does, which is why the local form is the default.
    const client = await pool.connect();
    await client.query('SELECT abac_set_user($1, false)', ['abe']);
    client.release();
    const seen = await Promise.all(Array.from({ length: pool.options.max }, () => pool.query(all)));
    check(seen.some((r) => same(idsOf(r), world.ids('abe', {}))),
        'without a reset the next who gets the connection is still abe (a warning, not a feature)');
}

main(async () => {
    const options = { host: process.env.PGHOST, port: Number(process.env.PGPORT), database: process.env.PGDATABASE };
    const admin = new Pool({ ...options, user: process.env.PGUSER, max: 1 });
    const pool = new Pool({ ...options, user: 'app', max: 4 });
    const world = await World.read(admin);

    check(world.docs.length === 900 && users.every((u) => u === 'eve' || world.ids(u, OFFICE).length > 0),
        'there is a world to see');
    await report(pool, world, TRANSACTIONS);
    // one plan for all, whoever asks and whatever for
    const generic = new Pool({ ...options, user: 'app', max: 4, options: '-c plan_cache_mode=force_generic_plan' });
    await report(generic, world, TRANSACTIONS / 4);
    await generic.end();
    await writes(pool, admin, world);
    await sessions(pool, world);
    await pool.end();
    await admin.end();
});
