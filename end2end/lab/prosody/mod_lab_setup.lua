-- For the lab only: makes the accounts and rooms of the configuration when they are missing. Loaded by one member, because two
-- that make a room at the same time would each become its owner.

local usermanager = require "core.usermanager";
local jid = require "util.jid";

module:add_timer(0.1, function ()
	local ok, why = pcall(function ()
		for name, password in pairs(module:get_option("lab_accounts") or {}) do
			if not usermanager.user_exists(name, module.host) then
				assert(usermanager.create_user(name, password, module.host));
			end
		end
		local muc = module:get_host_type() == "component" and module:depends("muc");
		for _, name in ipairs(muc and module:get_option("lab_rooms") or {}) do
			local address = jid.join(name, module.host);
			if not muc.get_room_from_jid(address) then
				local room = assert(muc.create_room(address));
				room:set_persistent(true);
				assert(room:save(true));
			end
		end
	end);
	if not ok then
		module:log("warn", "not yet set up: %s", why);
		return 0.5;
	end
	module:log("info", "lab set up on %s", module.host);
end);
