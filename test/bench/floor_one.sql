SELECT jsonb_exists(:ctx::jsonb, 'x') FROM (SELECT :user::text, :action::text, :resource::text) unused;
