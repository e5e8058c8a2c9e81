require "logger"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"

# The pages of errors say nothing of how long they are good, so that browsers would guess.
class AskAgain
  def initialize(app)
    @app = app
  end

  def call(env)
    status, headers, body = @app.call(env)
    headers["cache-control"] = "no-cache" unless headers.keys.any? { |name| name.casecmp?("cache-control") }
    [status, headers, body]
  end
end

class Household < Rails::Application
  config.root = File.expand_path("..", __dir__)
  config.load_defaults Rails::VERSION::STRING.to_f
  config.eager_load = true
  config.middleware.insert_before 0, AskAgain
  config.consider_all_requests_local = false
  # Tealkeep's gate, and Caddy, hand on the name by which people ask.
  config.hosts.clear
  config.secret_key_base = ENV.fetch("SECRET_KEY_BASE")
  config.logger = ActiveSupport::Logger.new($stdout)
  # The database is Tealkeep's to name, and a release is read-only.
  config.active_record.dump_schema_after_migration = false
  config.paths["config/database"] = "config/database.yml"
end
