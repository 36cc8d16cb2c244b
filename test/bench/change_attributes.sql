\set user random(1, :users)
\set level random(1, 1000)
UPDATE abac_user_attributes SET attributes = jsonb_set(attributes, '{level}', to_jsonb(:level::int)) WHERE user_id = 'user-' || :user AND organization_id = 'org';
