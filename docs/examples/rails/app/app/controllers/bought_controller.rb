class BoughtController < ActionController::Base
  protect_from_forgery with: :exception
  # Browsers ask for pages again each time.
  before_action { response.headers["cache-control"] = "no-cache" }

  def healthz
    Bought.exists?
    response.headers["Tealkeep-Release"] = ENV.fetch("TEALKEEP_RELEASE", "")
    render plain: "ok"
  end

  def index
    @all = Bought.order(id: :desc).limit(20)
  end

  def create
    Bought.create!(what: params[:what])
    redirect_to "/", status: :see_other
  end
end
