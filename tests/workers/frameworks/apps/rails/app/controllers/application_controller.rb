class ApplicationController < ActionController::Base
  # BEFORE ALL
end
