\set policy random(1, 1000)
\set priority random(1, 7)
UPDATE abac_policies SET priority = :priority WHERE organization_id = 'org' AND name = 'policy ' || :policy;
