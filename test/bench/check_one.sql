SELECT abac_check(:user::text, :action::text, :resource::text, :ctx::jsonb);
