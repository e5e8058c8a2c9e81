class HomeController < ApplicationController
  def index
  end

  def about
    render html: "<!doctype html><title>About</title>".html_safe
  end

  def list
    expires_in 10.minutes, public: true
    render html: "<!doctype html><title>List</title>".html_safe
  end

  def moved
    redirect_to "/about", status: :moved_permanently
  end

  def shared
    response.headers["Cache-Control"] = "public, max-age=0, s-maxage=600"
    # SHARED
    render html: "<!doctype html><title>Shared</title>".html_safe
  end
end
