Rails.application.routes.draw do
  get "healthz", to: "bought#healthz"
  root to: "bought#index"
  post "/", to: "bought#create"
end
