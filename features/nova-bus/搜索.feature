# language: zh-CN
功能: 搜索索引

  背景:
    假如系统正在运行

  场景: 帖子可以被搜索，删除后不再找到
    当执行操作"create post"，记为"帖子"
      | user    | {alice} |
      | caption | {标题}    |
    那么搜索"{标题}"在5秒内找到"{帖子.post_id}"
    当帖子"帖子"被删除，记为"删除"
    那么搜索"{标题}"在5秒内不再找到"{帖子.post_id}"

  场景: 归档的帖子搜索不到，重新发布后找到，状态改为 deleted 后不再找到
    当执行操作"create post"，记为"帖子"
      | user    | {alice} |
      | caption | {标题}    |
    那么搜索"{标题}"在5秒内找到"{帖子.post_id}"
    当帖子"帖子"的状态改为"archived"，记为"归档"
    那么搜索"{标题}"在5秒内不再找到"{帖子.post_id}"
    当帖子"帖子"的状态改为"published"，记为"恢复"
    那么搜索"{标题}"在5秒内找到"{帖子.post_id}"
    当帖子"帖子"的状态改为"deleted"，记为"删除"
    那么搜索"{标题}"在5秒内不再找到"{帖子.post_id}"

  场景: 允许搜索的消息可以被搜索，删除后不再找到
    当用户"alice"发送内容"{内容}"，记为"消息"，可搜索："true"
    那么搜索"{内容}"在5秒内找到"{消息.message_id}"
    当执行操作"delete message"
      | message_id | {消息.message_id} |
    那么搜索"{内容}"在5秒内不再找到"{消息.message_id}"

  # 后面一条可搜索的消息证明前面的事件已经处理。
  场景: 严格加密的消息内容不出现在任何地方
    当用户"alice"发送内容"{机密}"，记为"密信"，可搜索："false"
    那么3秒内出现事件"message.persisted"
    当用户"alice"发送内容"{公开}"，记为"消息"，可搜索："true"
    那么搜索"{公开}"在5秒内找到"{消息.message_id}"
    并且视图"search"在500毫秒内始终不显示"{密信.message_id}"
      | words | {机密} |
    并且日志和主题中均未出现"{机密}"

  场景: 新旧主题上的同一消息只建立一次索引
    当用户"alice"发送内容"{内容}"，记为"消息"，可搜索："true"
    那么视图"indexings"在5秒内显示"1"
      | id | {消息.message_id} |
    当发布事件"message_persisted"，记为"旧消息"
      | message_id      | {消息.message_id} |
      | conversation_id | {alice}         |
      | content         | {内容}            |
    那么消费组"search-service-group"在10秒内已处理该事件
    并且视图"indexings"在500毫秒内始终不显示"2"
      | id | {消息.message_id} |

  场景: 只在旧主题上的消息也可以被搜索和删除
    当发布事件"message_persisted"，记为"旧消息"
      | content | {内容} |
    那么搜索"{内容}"在5秒内找到"{旧消息.message_id}"
    当发布事件"message_deleted"，记为"删除"
      | message_id      | {旧消息.message_id}      |
      | conversation_id | {旧消息.conversation_id} |
    那么搜索"{内容}"在5秒内不再找到"{旧消息.message_id}"

  场景: 重复的消息事件只处理一次
    当发布事件"message.persisted"，记为"消息"
    并且同一事件再次发布2次
    并且同一事件在处理完成后再次发布
    那么视图"remembered by search-service"在10秒内显示"604800"
      | event | {消息.id} |
    并且服务"search-service"只处理该事件一次

  场景: 无法读取的消息事件进入死信主题
    当发布一个无效的"message.persisted"事件，记为"坏记录"
      | rule  | required    |
      | place | /message_id |
    那么该事件在5秒内进入死信主题
