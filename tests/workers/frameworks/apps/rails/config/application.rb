require "logger"
require "rails"
require "action_controller/railtie"
require "action_view/railtie"
require "sprockets/railtie"

class Household < Rails::Application
  config.root = File.expand_path("..", __dir__)
  config.load_defaults Rails::VERSION::STRING.to_f
  config.eager_load = true
  config.consider_all_requests_local = false
  config.hosts.clear
  config.secret_key_base = "of no use to anybody"
  config.logger = ActiveSupport::Logger.new($stdout)
  config.assets.compile = false
  config.public_file_server.enabled = true
  # SETTINGS
end
