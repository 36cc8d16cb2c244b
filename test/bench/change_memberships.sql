\set user random(1, :users)
\set days random(1, 1000)
UPDATE abac_memberships SET expires_at = now() + '1 day'::interval * :days WHERE user_id = 'user-' || :user AND scope_type = 'organization' AND scope_id = 'org';
