-- Health of a member that means "can really serve", and a drain.
--
--   GET  /health           200 when this member's own connection reaches a writable database and it is not drained, else 503
--   POST /health/drain     closes all sessions and answers 503 from now on
--   POST /health/activate  ends that
--
-- There is no authentication: reach it through a management network only. `drained` does not survive a restart.

module:set_global();
module:depends("http");

local sql = require "util.sql";
local json = require "util.json";

local engine = sql:create_engine(module:get_option("sql"), function () end);

-- Prosody 0.12's util.sql keeps prepared statements of a connection that is already gone when reconnecting fails, and LuaDBI
-- frees them later through the dead connection: the process dies with SIGSEGV. Statements go with their connection, so they
-- are dropped before every attempt to connect. All engines share one metatable, so that this mends every user of the database.
local methods = getmetatable(engine).__index;
if not methods.pool_forgets_statements then
	methods.pool_forgets_statements = true;
	local connect = methods.connect;
	function methods:connect()
		if not self.conn then self.prepared = {}; end
		return connect(self);
	end
end

local drained = false;

-- "rw" on a primary, "ro" on a standby, or nil and why the database cannot be reached.
local function database_state()
	local state;
	local ok, why = engine:transaction(function ()
		local question = [[SELECT CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' THEN 'ro' ELSE 'rw' END]];
		for row in engine:select(question) do state = row[1]; end
	end);
	if not ok then return nil, tostring(why); end
	return state;
end

local function sessions()
	local found = {};
	for _, session in pairs(prosody.full_sessions) do table.insert(found, session); end
	return found;
end

local function rooms_and_occupants()
	local rooms, occupants = 0, 0;
	for _, host in pairs(prosody.hosts) do
		local muc = host.modules and host.modules.muc;
		if muc then
			for room in muc.live_rooms() do
				rooms = rooms + 1;
				for _ in room:each_occupant() do occupants = occupants + 1; end
			end
		end
	end
	return rooms, occupants;
end

local function report(event)
	local state, why = database_state();
	local rooms, occupants = rooms_and_occupants();
	event.response.status_code = (state == "rw" and not drained) and 200 or 503;
	event.response.headers.content_type = "application/json";
	return json.encode({
		db = state or "away", error = why, drained = drained,
		sessions = #sessions(), rooms = rooms, occupants = occupants,
		mem_kb = math.floor(collectgarbage("count")),
	}) .. "\n";
end

local function drain()
	drained = true;
	-- Collected first: closing a session changes the table that holds them.
	local open = sessions();
	for _, session in ipairs(open) do
		session:close { condition = "system-shutdown", text = "this member is being drained" };
	end
	return ("closed %d\n"):format(#open);
end

local function activate()
	drained = false;
	return "active\n";
end

module:provides("http", {
	default_path = "/health";
	route = { ["GET"] = report, ["POST /drain"] = drain, ["POST /activate"] = activate };
});
