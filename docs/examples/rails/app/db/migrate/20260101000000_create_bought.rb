class CreateBought < ActiveRecord::Migration[6.1]
  def change
    create_table(:bought) { |t| t.string :what, null: false }
  end
end
