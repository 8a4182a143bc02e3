# language: zh-CN
功能: 监控、告警、回滚与独立运行

  背景:
    假如系统正在运行

  场景: 无人消费时积压告警触发
    假如服务"feed-service"停止
    并且服务"feed-service-two"停止
    当在后台以3000/s的速率发布1500个"content.post.created"事件
      | user_id | {alice} |
    那么告警"KafkaConsumerLagHigh"在20秒内触发
    当服务"feed-service"重新启动
    并且服务"feed-service-two"重新启动
    那么消费组"feed-service-group"在30秒内没有丢失其中任何事件

  场景: 正常工作时积压告警不触发
    当在后台以100/s的速率发布150个"content.post.created"事件
    那么告警"KafkaConsumerLagHigh"不触发，观察2秒
    并且消费组"feed-service-group"在20秒内没有丢失其中任何事件

  场景: 告警所读取的积压指标由动态服务提供
    那么服务"feed-service"在10秒内显示指标"kafka_consumer_lag"
      | group | feed-service-group |

  场景: 回滚开关设为 false 时从本地缓存读取，设为 true 时直接询问内容服务
    当用户"alice"发布了帖子"帖子"
    那么视图"post source"在5秒内显示"cache"
      | post | {帖子.post_id} |
    并且视图"post source when rolled back"在5秒内显示"content-service"
      | post | {帖子.post_id} |

  场景: 其他服务停止时，动态服务照常启动并提供已有的动态
    假如用户"bob"关注了用户"alice"
    当用户"alice"发布了帖子"帖子"
    那么用户"bob"的动态在5秒内显示帖子"帖子"
    当服务"graph-service"被强制终止
    并且服务"content-service"被强制终止
    并且服务"feed-service"停止
    并且服务"feed-service"重新启动
    那么用户"bob"的动态在30秒内显示帖子"帖子"
    当服务"graph-service"重新启动
    并且服务"content-service"重新启动
