# language: zh-CN
功能: 监控、告警、回滚与独立运行

  背景:
    假如系统正在运行

  场景: 无人消费时积压告警触发
    假如服务"feed-service"停止
    并且服务"feed-service-two"停止
    当在后台以3000/s的速率发布1500个"content.post.created"事件
      | user_id | {alice} |
    那么告警"KafkaConsumerLagHigh feed-service-group"在20秒内触发
    当服务"feed-service"重新启动
    并且服务"feed-service-two"重新启动
    那么消费组"feed-service-group"在30秒内没有丢失其中任何事件

  场景大纲: 服务<服务>停止时，它的消费组<消费组>的积压告警触发
    假如服务"<服务>"停止
    当在后台以3000/s的速率发布1500个"<事件>"事件
    那么告警"KafkaConsumerLagHigh <消费组>"在20秒内触发
    当服务"<服务>"重新启动
    那么消费组"<消费组>"在30秒内没有丢失其中任何事件

    例子:
      | 服务              | 消费组                   | 事件                     |
      | search-service  | search-service-group  | message.persisted      |
      | content-service | content-service-group | media.upload.completed |

  场景: 正常工作时积压告警不触发
    当在后台以100/s的速率发布150个"content.post.created"事件
    那么告警"KafkaConsumerLagHigh feed-service-group"不触发，观察2秒
    并且消费组"feed-service-group"在20秒内没有丢失其中任何事件

  场景大纲: 服务<服务>正常工作时，它的消费组<消费组>的积压告警不触发
    当在后台以100/s的速率发布150个"<事件>"事件
    那么告警"KafkaConsumerLagHigh <消费组>"不触发，观察2秒
    并且消费组"<消费组>"在20秒内没有丢失其中任何事件

    例子:
      | 服务              | 消费组                   | 事件                     |
      | search-service  | search-service-group  | message.persisted      |
      | content-service | content-service-group | media.upload.completed |

  场景: 发件箱的行都已发布时，失败告警不触发
    当执行操作"create post hastily"，记为"帖子"
      | user | {alice} |
    那么告警"outbox rows failed"不触发，观察1秒

  # 消费者停止时，它自己的指标也随之消失：告警读取的是独立导出器的指标，每个消费组一条。
  场景: 告警所读取的积压指标由独立的导出器提供
    那么服务"lag-exporter"在10秒内显示指标"kafka_consumer_lag"
      | group | feed-service-group |
    并且服务"lag-exporter"在10秒内显示指标"kafka_consumer_lag"
      | group | search-service-group |
    并且服务"lag-exporter"在10秒内显示指标"kafka_consumer_lag"
      | group | content-service-group |

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

  场景: 其他服务停止时，媒体服务和消息服务照常启动并发布事件
    假如服务"feed-service"停止
    并且服务"graph-service"停止
    并且服务"content-service"停止
    并且服务"search-service"停止
    当服务"media-service"停止
    并且服务"message-service"停止
    并且服务"media-service"重新启动
    并且服务"message-service"重新启动
    当用户"alice"上传了媒体"媒体"
    那么3秒内出现事件"media.upload.completed"
    当用户"alice"发送内容"{内容}"，记为"消息"，可搜索："true"
    那么3秒内出现事件"message.persisted"
    当服务"graph-service"重新启动
    并且服务"content-service"重新启动
    并且服务"search-service"重新启动
    并且服务"feed-service"重新启动

  场景: 其他服务停止时，内容服务和搜索服务照常启动并工作
    假如服务"feed-service"停止
    并且服务"graph-service"停止
    并且服务"media-service"停止
    并且服务"message-service"停止
    当服务"content-service"停止
    并且服务"search-service"停止
    并且服务"content-service"重新启动
    并且服务"search-service"重新启动
    当执行操作"create post"，记为"帖子"
      | user    | {alice} |
      | caption | {标题}    |
    那么5秒内出现事件"content.post.created"
    并且搜索"{标题}"在30秒内找到"{帖子.post_id}"
    当服务"graph-service"重新启动
    并且服务"media-service"重新启动
    并且服务"message-service"重新启动
    并且服务"feed-service"重新启动
