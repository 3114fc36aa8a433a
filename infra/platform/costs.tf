# One budget for all of it; squads and experiments have their own.

resource "aws_budgets_budget" "platform" {
  count = var.monthly_budget == null ? 0 : 1

  name         = "${var.name}-platform"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = local.tags

  cost_filter {
    name   = "TagKeyValue"
    values = [for part in ["platform", "squad", "experiment"] : format("user:jsk:part$%s", part)]
  }

  dynamic "notification" {
    for_each = length(var.alert_emails) == 0 ? {} : {
      most     = ["ACTUAL", 80]
      all      = ["ACTUAL", 100]
      expected = ["FORECASTED", 100]
    }

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.value[0]
      threshold                  = notification.value[1]
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.alert_emails
    }
  }
}

resource "aws_ce_cost_allocation_tag" "this" {
  for_each = var.activate_cost_tags ? toset(["jsk:part", "jsk:squad", "jsk:experiment", "jsk:user"]) : []

  tag_key = each.key
  status  = "Active"
}
