\set user random(1, :users)
SELECT abac_check('user-' || :user, 'write', 'doc:1', '{"scope": {"organization": "org"}, "resource": {"owner": "user-1"}, "env": {"ip": "10.1.1.1"}}');
