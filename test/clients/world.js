// Who may see what in test/clients/world.sql, said once more in JavaScript,
// and what both tests share.
'use strict';

const OFFICE = { env: { ip: '10.1.2.3' } };
const ELSEWHERE = { env: { ip: '203.0.113.9' } };
const contexts = [OFFICE, ELSEWHERE, {}];

// Drafts stay in the office; who doesn't say where they are isn't there.
const draftIsDenied = (doc, context) => doc.status === 'draft' && context !== OFFICE;
const atGlobex = (user, department) => (doc, context) =>
    doc.org === 'globex' && (doc.department === department || doc.owner === user) && !draftIsDenied(doc, context);

const maySee = {
    ann: (doc) => doc.org === 'acme',
    abe: (doc) => doc.org === 'acme' && !doc.secret,
    gus: atGlobex('gus', 'sales'),
    gia: atGlobex('gia', 'support'),
    finch: (doc, context) => (doc.org === 'acme' && !doc.secret) || (doc.org === 'globex' && !draftIsDenied(doc, context)),
    eve: () => false,
};
const users = Object.keys(maySee);

// The documents as a superuser reads them, and what follows from them.
class World {
    constructor(docs) {
        this.docs = docs;
        this.known = new Map();
    }

    static async read(admin) {
        const result = await admin.query('SELECT * FROM docs ORDER BY id');
        return new World(result.rows.map((doc) => ({ ...doc, id: Number(doc.id) })));
    }

    // The ids of the documents that the user sees, in order.
    ids(user, context, where = () => true) {
        const key = `${user} ${contexts.indexOf(context)}`;
        if (!this.known.has(key)) {
            this.known.set(key, this.docs.filter((doc) => maySee[user](doc, context)));
        }
        return this.known.get(key).filter(where).map((doc) => doc.id);
    }
}

const idsOf = (result) => result.rows.map((row) => Number(row.id));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// Everything in the table, to see whether anything changed.
async function fingerprint(admin) {
    const result = await admin.query("SELECT md5(string_agg(d::text, E'\\n' ORDER BY id)) AS md5 FROM docs d");
    return result.rows[0].md5;
}

// A generator that gives the same numbers in every run.
function dice(seed) {
    let state = seed;
    return (n) => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return Math.floor((state / 0x80000000) * n);
    };
}

const counts = { passed: 0, failed: 0 };

function check(ok, what, detail = '') {
    counts[ok ? 'passed' : 'failed']++;
    console.log(`${ok ? 'ok' : 'NOT OK'} - ${what}${ok || detail === '' ? '' : `: ${detail}`}`);
}

// The SQLSTATE that a promise fails with; undefined when it doesn't fail.
async function sqlstate(promise) {
    try {
        await promise;
        return undefined;
    } catch (error) {
        if (error.code === undefined) {
            throw error;
        }
        return error.code;
    }
}

// Run a test to its end, and leave with a line that test/clients/run reads.
function main(test) {
    test().catch((error) => check(false, 'the test ran to its end', error.stack)).finally(() => {
        console.log(`# ${counts.passed} passed, ${counts.failed} failed`);
        process.exit(counts.failed === 0 ? 0 : 1);
    });
}

module.exports = { OFFICE, ELSEWHERE, contexts, users, World, idsOf, same, fingerprint, dice, check, sqlstate, main };
