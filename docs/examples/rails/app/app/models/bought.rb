class Bought < ActiveRecord::Base
  self.table_name = "bought"
end
