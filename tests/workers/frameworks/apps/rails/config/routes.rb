Rails.application.routes.draw do
  root to: "home#index"
  get "about", to: "home#about"
  get "list", to: "home#list"
  get "old", to: redirect("/about")
  get "moved", to: "home#moved"
  get "shared", to: "home#shared"
end
